// The application: `npm start` runs it on this machine alone, `npm start -- --edge URL` moves it to an edge and back.
import { dispatch, spawn } from 'godwit';
import type { Device } from 'godwit/device';
import { countPrimes, WordCount } from './actors.js';

export async function main(device: Device): Promise<void> {
  const words = spawn(device, WordCount, 'words');
  dispatch(words, 'add', 'the bird that flies farthest without a stop');
  console.log('here:', await words.most(1), await countPrimes(1000));
  if (device.edges().length === 0) return;

  const [offer] = await device.offload.request(words);
  if (offer === undefined) throw new Error('no edge host fits');
  const lease = await device.offload.accept(offer);
  const [forPrimes] = await device.offload.request(countPrimes);
  if (forPrimes === undefined) throw new Error('no edge host fits');
  await device.offload.accept(forPrimes);

  // The same refs, the same calls, the same state; only the place is another.
  dispatch(words, 'add', 'the edge');
  console.log(`on ${lease.node}:`, await words.most(1), await countPrimes(1000));

  await lease.recall();
  console.log('back:', await words.most(1), `on ${words.$where?.node}`);
}
