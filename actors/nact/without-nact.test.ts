import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const program = `
import { bridge, dispatch, query, spawn, start } from 'godwit/nact';
import { world } from '#core/testing';

const w = world({ seed: 1 });
const device = w.device('device');
const echo = spawn(start(device), (state = 0, message, ctx) => { dispatch(ctx.sender, message); return state; });
console.log(await w.settle(query(echo, 42, 1000)));
console.log(await bridge({}, device).catch(({ code, message }) => code + ': ' + message));
`;

test('godwit/nact: works where nact is not installed; only a bridge needs it, and says so', async (t) => {
  const copy = await mkdtemp(join(tmpdir(), 'godwit-nact-'));
  t.teardown(() => rm(copy, { recursive: true }));
  await cp(`${root}package.json`, join(copy, 'package.json'));
  for (const room of ['core', 'actors/nact']) await cp(`${root}dist/${room}`, join(copy, 'dist', room), { recursive: true });
  await writeFile(join(copy, 'program.mjs'), program);

  const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: copy });

  t.deepEqual(stdout.trim().split('\n'), ['42', 'FAILED_PRECONDITION: a bridge to nact needs nact: npm install nact (an optional peer of godwit)']);
});
