// What the engine's Wasm module exports and imports, as far as it is used here. Values of the guest are handles: pointers in its memory.

/** Handle of a guest value; freed with `qjs_free_value`. */
export type Handle = number;

export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  readonly __stack_pointer: WebAssembly.Global;
  _initialize(): void;
  qjs_init(): number;
  qjs_set_interrupt_handler(on: number): void;
  qjs_set_memory_limit(bytes: number): void;
  qjs_set_max_stack_size(bytes: number): void;
  qjs_set_runtime_and_context(runtime: number, context: number): void;
  qjs_get_runtime_ptr(): number;
  qjs_get_context_ptr(): number;
  qjs_eval(source: number, bytes: number, fileName: number, flags: number): Handle;
  qjs_call(fn: Handle, self: Handle, count: number, args: number): Handle;
  qjs_is_exception(value: Handle): number;
  qjs_get_exception(): Handle;
  qjs_free_value(value: Handle): void;
  qjs_get_global(): Handle;
  qjs_get_undefined(): Handle;
  qjs_is_undefined(value: Handle): number;
  qjs_is_string(value: Handle): number;
  qjs_get_prop_string(object: Handle, name: number): Handle;
  qjs_get_string(value: Handle): number;
  qjs_free_cstring(text: number): void;
  qjs_get_typed_array_buffer(array: Handle, byteOffset: number, byteLength: number, elementBytes: number): Handle;
  qjs_get_array_buffer(buffer: Handle, byteLength: number): number;
  qjs_is_job_pending(): number;
  qjs_execute_pending_job(): number;
  wasm_malloc(bytes: number): number;
  wasm_free(pointer: number): void;
}

/** Where the engine's clock and randomness come from. While a base image is made both are fixed: boot is bit-deterministic then. */
export interface EngineSources {
  /** Milliseconds since 1970. */
  wallMs(): number;
  fillRandom(bytes: Uint8Array): void;
}

// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#-errno-variant
const errnoBadFile = 8;
const errnoNotSupported = 52;

/**
 * The engine's whole import object: a clock, randomness, and refusals. There is no file, no socket, no process and no host callback to reach:
 * a guest talks through its outbox only. Never node:wasi, which let guests write to the host's stdout and kill it.
 */
export function engineImports(memory: () => WebAssembly.Memory, sources: EngineSources, interrupted: () => boolean): WebAssembly.Imports {
  const refuse = () => errnoBadFile;
  const unsupported = () => errnoNotSupported;
  return {
    env: {
      host_call: () => 0,
      host_interrupt: () => (interrupted() ? 1 : 0),
      host_promise_rejection: () => undefined,
      host_module_normalize: () => 0,
      host_module_load: () => 0,
      host_get_timezone_offset: () => 0,
    },
    wasi_snapshot_preview1: {
      clock_time_get(_clock: number, _precision: bigint, at: number) {
        new DataView(memory().buffer).setBigUint64(at, BigInt(Math.round(sources.wallMs() * 1000)) * 1000n, true);
        return 0;
      },
      random_get(at: number, length: number) {
        sources.fillRandom(new Uint8Array(memory().buffer, at, length));
        return 0;
      },
      fd_write: refuse,
      fd_fdstat_get: refuse,
      fd_close: unsupported,
      fd_seek: unsupported,
    },
  };
}
