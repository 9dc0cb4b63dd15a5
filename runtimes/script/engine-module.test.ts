import test from 'ava';
import { withMemoryMaximum } from './engine-module.js';

// (module (memory (export "m") 2)), and one without a memory
const withMemory = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 2, 7, 5, 1, 1, 109, 2, 0]);
const without = withMemory.subarray(0, 8);

test('engine module: gets the memory maximum it does not declare', async (t) => {
  const module = await WebAssembly.compile(withMemoryMaximum(withMemory, 300));
  const memory = new WebAssembly.Instance(module, {}).exports.m as WebAssembly.Memory;

  memory.grow(298);

  t.is(memory.buffer.byteLength, 300 * 65_536);
  t.throws(() => memory.grow(1));
});

test('engine module: one without a memory, with a larger one or cut short is refused', (t) => {
  t.throws(() => withMemoryMaximum(without, 300), { code: 'INVALID_ARGUMENT' } as never);
  t.throws(() => withMemoryMaximum(withMemory, 1), { code: 'INVALID_ARGUMENT' } as never);
  t.throws(() => withMemoryMaximum(Uint8Array.from([...without, 5, 255, 255]), 300), { code: 'INVALID_ARGUMENT' } as never);
});
