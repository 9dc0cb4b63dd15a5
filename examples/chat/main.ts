// A chat over a one-to-many channel: whoever is in the room hears every line once, in one order, while one of them moves. `npm run example:chat`
import { channel, spawn } from 'godwit';
import { bundler } from 'godwit/build';
import { startDevice } from 'godwit/device';
import { startEdge } from 'godwit/edge';
import { Guest, type Line } from './room.js';

const key = 'a-key-that-both-sides-know';
await using edge = await startEdge({ name: 'edge-1', port: 0, key });
await using device = await startDevice({ name: 'host', edges: [edge.url], key, modules: bundler() });

// The host tells everybody what anybody says: what comes back on the near end goes out on it again.
const room = channel<Line, Line>(device, 'room', { to: 'many' });
const echo = (async () => {
  for await (const line of room.near) await room.near.send(line);
})();

const guests = await Promise.all(
  ['ada', 'grace', 'edsger'].map(async (name) => {
    const guest = spawn(device, Guest, name);
    await guest.enter({ name, room: room.far });
    return guest;
  }),
);

const say = (from: string, text: string) => room.near.send({ from, text });
await say('host', 'welcome');
const [, grace] = guests;
if (grace === undefined) throw new Error('nobody came');
const moving = device.offload.request(grace).then(([offer]) => (offer === undefined ? undefined : device.offload.accept(offer)));
for (let line = 1; line <= 5; line++) await say('host', `line ${line}`);
await moving;
await say('host', '@grace, where are you?');

// Grace's answer goes round last.
while ((await Promise.all(guests.map((guest) => guest.heard()))).some((heard) => !heard.at(-1)?.startsWith('grace')));
await room.near.close();
await echo;
const [first, ...others] = await Promise.all(guests.map((guest) => guest.heard()));
for (const line of first ?? []) console.log(line);
console.log(`grace runs ${await grace.where()}; all heard the same: ${others.every((heard) => heard.join() === first?.join())}`);
