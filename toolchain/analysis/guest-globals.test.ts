import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { QuickJS } from 'quickjs-wasi';
import { bundleProgram } from '../program.js';
import { guestGlobals } from './guest-globals.js';

test('guest globals: what the check lets through is what a program finds in the script engine, but for eval and what is of the engine itself', async (t) => {
  const { bytes } = await bundleProgram(fileURLToPath(new URL('../fixtures/greeter.js', import.meta.url)), 'greeter');
  const engine = await QuickJS.create({ wasm: await readFile(fileURLToPath(import.meta.resolve('quickjs-wasi/quickjs.wasm'))) });
  engine.evalCode(new TextDecoder().decode(bytes), 'program');

  const names = engine.evalCode('Object.getOwnPropertyNames(globalThis).join()', 'names').toString().split(',');

  const ofTheEngine = ['InternalError', 'eval', 'godwitGuest'];
  t.deepEqual(names.filter((name) => !ofTheEngine.includes(name)).sort(), [...guestGlobals].sort());
});
