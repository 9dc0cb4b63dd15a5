import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { GodwitError } from '#core';

const pageBytes = 65_536;
const memorySection = 5;

/**
 * The script engine (QuickJS-NG as a WASI reactor, npm quickjs-wasi), compiled with a memory maximum patched in: it declares none of its own.
 * Shared by all workers of a runtime.
 */
export async function compileEngine(memoryBytes: number): Promise<WebAssembly.Module> {
  const bytes = await readFile(fileURLToPath(import.meta.resolve('quickjs-wasi/quickjs.wasm')));
  return WebAssembly.compile(withMemoryMaximum(bytes, Math.floor(memoryBytes / pageBytes)));
}

/**
 * The module with its one memory limited.
 * @throws {GodwitError} INVALID_ARGUMENT the module defines no memory of its own, or needs more at once
 * @see https://www.w3.org/TR/wasm-core-2/#memory-section
 */
export function withMemoryMaximum(wasm: Uint8Array, maxPages: number): Uint8Array<ArrayBuffer> {
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at];
    const size = readUnsigned(wasm, at + 1);
    const end = size.next + size.value;
    if (id === memorySection) {
      const count = readUnsigned(wasm, size.next);
      const minimum = readUnsigned(wasm, count.next + 1);
      if (count.value !== 1 || minimum.value > maxPages) {
        throw new GodwitError('INVALID_ARGUMENT', `a Wasm memory of ${minimum.value} pages does not fit a limit of ${maxPages} pages of 64 KiB`);
      }
      const body = [...unsigned(1), 1, ...unsigned(minimum.value), ...unsigned(maxPages)];
      const section = Uint8Array.from([memorySection, ...unsigned(body.length), ...body]);
      const out = new Uint8Array(at + section.length + wasm.length - end);
      out.set(wasm.subarray(0, at));
      out.set(section, at);
      out.set(wasm.subarray(end), at + section.length);
      return out;
    }
    at = end;
  }
  throw new GodwitError('INVALID_ARGUMENT', 'the Wasm module defines no memory to limit');
}

function readUnsigned(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let scale = 1;
  for (let next = at; next < bytes.length && next < at + 5; scale *= 128) {
    const byte = bytes[next++];
    value += (byte & 127) * scale;
    if (byte < 128) return { value, next };
  }
  throw new GodwitError('INVALID_ARGUMENT', 'the Wasm module is truncated');
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 128 : low);
    if (rest === 0) return bytes;
  }
}
