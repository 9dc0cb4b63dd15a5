// One script engine: a Wasm instance of QuickJS with one program in it. Knows calls, microtasks, memory and deadlines; nothing of turns.
//
// E1  Every entry (a call, a microtask) has a deadline; past it the interrupt handler unwinds the guest, which no handler can catch.
// E2  After a trap, an interrupt or an error out of the guest loop the engine is dead: its owner discards it. Memory may be half-written.
// E3  Addresses that the guest gives are checked against the memory before they are used.
import { type Code, GodwitError } from '#core';
import { sharedHeader } from '../guest/packed.js';
import { differingRuns, type GuestHandles, type LoadedImage, layRuns } from './base-image.js';
import { type EngineExports, type EngineSources, engineImports, type Handle } from './engine-abi.js';
import type { CompiledLimits } from './limits.js';

// Half of V8's stack per guest frame is not enough for more: FACTS §4. With workers of stackSizeMb 4, every recursion attack becomes a guest error.
const guestStackBytes = 256 * 1024;
// Below the Wasm maximum, so that the guest meets its own limit as an error it can handle, before malloc fails inside the engine.
const engineReserveBytes = 1024 * 1024;
/** Milliseconds a program may take to load. Loading parses all of it; the deadline of a segment would be too short for big ones on slow hosts. */
export const loadMs = 2000;
const pageBytes = 65_536;

// Any constants do, as long as every host uses the same: they make boot bit-deterministic.
const bootSources: EngineSources = { wallMs: () => 1_700_000_000_000, fillRandom: (bytes) => void bytes.fill(5) };
const liveSources: EngineSources = { wallMs: () => performance.timeOrigin + performance.now(), fillRandom: (bytes) => void crypto.getRandomValues(bytes) };

/** Told of every entry into a guest and every return, so that a watchdog outside can see one that never returns. */
export interface EntryObserver {
  entered(): void;
  left(): void;
}

/** One of the guest's buffers, as it lies in the memory. */
interface Region {
  readonly pointer: number;
  readonly bytes: number;
}

export class Engine {
  private readonly exports: EngineExports;
  private handles: GuestHandles | undefined;
  private deadline = Number.POSITIVE_INFINITY;
  private interrupted = false;
  private inbox: Region = { pointer: 0, bytes: 0 };
  private outbox: Region = { pointer: 0, bytes: 0 };
  private header = 0;
  private knownBuffers = -1;
  private memoryView = new Uint8Array(0);
  private wordView = new Uint32Array(0);

  private constructor(
    module: WebAssembly.Module,
    sources: EngineSources,
    private limits: CompiledLimits,
    public observer: EntryObserver,
  ) {
    const interrupted = (): boolean => {
      if (performance.now() > this.deadline) this.interrupted = true;
      return this.interrupted;
    };
    const instance = new WebAssembly.Instance(
      module,
      engineImports(() => this.exports.memory, sources, interrupted),
    );
    this.exports = instance.exports as unknown as EngineExports;
  }

  /** Boots an engine and loads a program into it. @throws {GodwitError} INVALID_ARGUMENT the program does not load, with the guest's stack */
  static image(module: WebAssembly.Module, program: Uint8Array, name: string, limits: CompiledLimits, observer: EntryObserver): LoadedImage {
    const engine = new Engine(module, bootSources, limits, observer);
    const fresh = engine.memory.slice();
    try {
      return engine.load(program, name, fresh);
    } catch (thrown) {
      const error = engine.errorFrom(thrown);
      throw new GodwitError('INVALID_ARGUMENT', `the program of ${name} does not load: ${error.message}`, {
        cause: error,
        details: { guestStack: error.stack },
      });
    }
  }

  /** An engine as the image left it, with clock and randomness of its own. */
  static restore(module: WebAssembly.Module, image: LoadedImage, limits: CompiledLimits, observer: EntryObserver): Engine {
    const engine = new Engine(module, liveSources, limits, observer);
    const { exports } = engine;
    const missing = image.memoryBytes - exports.memory.buffer.byteLength;
    if (missing > 0) exports.memory.grow(missing / pageBytes);
    layRuns(image, engine.memory);
    exports.__stack_pointer.value = image.stackPointer;
    exports.qjs_set_runtime_and_context(image.runtime, image.context);
    engine.handles = image.handles;
    engine.locate();
    return engine;
  }

  /** From now on its guest has these limits. */
  hold(limits: CompiledLimits): void {
    this.limits = limits;
    this.exports.qjs_set_memory_limit(limits.memoryBytes - engineReserveBytes);
  }

  get memoryBytes(): number {
    return this.exports.memory.buffer.byteLength;
  }

  /** Bytes the inbox takes; `reserve` makes it larger. */
  get inboxBytes(): number {
    return this.inbox.bytes;
  }

  /** @throws {GodwitError} RESOURCE_EXHAUSTED the guest has no memory left for it */
  reserve(bytes: number): void {
    this.call('reserve', bytes);
    this.locate();
    if (this.inbox.bytes < bytes) throw new GodwitError('RESOURCE_EXHAUSTED', `a guest has no room for a record of ${bytes} bytes`);
  }

  /** Where the engine's owner writes what the next call is about. Valid until the next call. */
  writeInbox(bytes: Uint8Array): void {
    this.memory.set(bytes, this.inbox.pointer);
  }

  /** Calls one of the guest's entry points. @throws {GodwitError} when the engine is dead (E2) */
  call(entry: 'reserve' | 'start' | 'receive' | 'capture', argument: number): void {
    const { exports, handles } = this;
    if (handles === undefined) throw new GodwitError('INTERNAL', 'a script engine was called before its program was loaded');
    this.words[(this.header >>> 2) + sharedHeader.argument] = argument;
    this.enter(this.limits.segmentMs, () => {
      const result = exports.qjs_call(handles[entry], handles.entry, 0, 0);
      this.check(result);
      exports.qjs_free_value(result);
    });
  }

  /** Runs microtasks until none is left or `untilMs` (of performance.now) has passed. @returns whether some are left */
  pump(untilMs: number): boolean {
    const { exports } = this;
    while (exports.qjs_is_job_pending() !== 0) {
      this.enter(this.limits.segmentMs, () => {
        if (exports.qjs_execute_pending_job() < 0) throw this.thrown();
      });
      if (performance.now() > untilMs) return exports.qjs_is_job_pending() !== 0;
    }
    return false;
  }

  /** The records that may leave, in the guest's memory: copy them before the next call. Empty if there are none. */
  takeOutbox(): Uint8Array {
    const header = this.header >>> 2;
    const committed = this.words[header + sharedHeader.committed];
    const drained = this.words[header + sharedHeader.drained];
    if (committed === drained) return this.memory.subarray(0, 0);
    if (this.words[header + sharedHeader.buffers] !== this.knownBuffers) this.locate();
    if (committed < drained || committed > this.outbox.bytes || (committed & 7) !== 0) throw new GodwitError('INTERNAL', 'the guest broke its outbox');
    this.words[header + sharedHeader.drained] = committed;
    return this.memory.subarray(this.outbox.pointer + drained, this.outbox.pointer + committed);
  }

  /** What `start` or `capture` left behind. */
  takeResult(): Uint8Array<ArrayBuffer> {
    const { pointer, bytes } = this.regionOf('result');
    return this.memory.slice(pointer, pointer + bytes);
  }

  /** What was thrown, as the error its owner reports. */
  errorFrom(thrown: unknown): GodwitError {
    if (this.interrupted) {
      return new GodwitError('DEADLINE_EXCEEDED', `a segment ran past its ${this.limits.segmentMs} ms and was stopped`, {
        retryable: false,
        details: { segmentMs: this.limits.segmentMs },
      });
    }
    if (GodwitError.is(thrown)) return thrown;
    // RuntimeError is a Wasm trap, RangeError V8's own stack overflow below the guest.
    if (thrown instanceof WebAssembly.RuntimeError) return new GodwitError('INTERNAL', `the script engine trapped: ${thrown.message}`, { cause: thrown });
    return GodwitError.from(thrown, 'INTERNAL');
  }

  // ── Loading ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private load(program: Uint8Array, name: string, fresh: Uint8Array): LoadedImage {
    const { exports } = this;
    exports._initialize();
    if (exports.qjs_init() !== 0) throw new GodwitError('RESOURCE_EXHAUSTED', 'the script engine does not start within its memory limit');
    this.hold(this.limits);
    exports.qjs_set_max_stack_size(guestStackBytes);
    exports.qjs_set_interrupt_handler(1);
    this.enter(loadMs, () => this.evaluate(program, `${name}.js`));
    while (exports.qjs_is_job_pending() !== 0) {
      this.enter(loadMs, () => {
        if (exports.qjs_execute_pending_job() < 0) throw this.thrown();
      });
    }
    const global = exports.qjs_get_global();
    const entry = this.property(global, 'godwitGuest');
    exports.qjs_free_value(global);
    if (exports.qjs_is_undefined(entry) !== 0) throw new GodwitError('INVALID_ARGUMENT', 'it is no program of the script tier: it offers no entry');
    const handles: GuestHandles = {
      entry,
      undefined: exports.qjs_get_undefined(),
      reserve: this.property(entry, 'reserve'),
      start: this.property(entry, 'start'),
      receive: this.property(entry, 'receive'),
      capture: this.property(entry, 'capture'),
    };
    return {
      ...differingRuns(this.memory, fresh),
      memoryBytes: this.memoryBytes,
      stackPointer: exports.__stack_pointer.value as number,
      runtime: exports.qjs_get_runtime_ptr(),
      context: exports.qjs_get_context_ptr(),
      handles,
    };
  }

  private evaluate(program: Uint8Array, fileName: string): void {
    const source = this.allocate(program);
    const file = this.allocate(new TextEncoder().encode(fileName));
    const result = this.exports.qjs_eval(source, program.length, file, 0);
    this.exports.wasm_free(source);
    this.exports.wasm_free(file);
    this.check(result);
    this.exports.qjs_free_value(result);
  }

  // ── Memory ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private get memory(): Uint8Array {
    this.refresh();
    return this.memoryView;
  }

  private get words(): Uint32Array {
    this.refresh();
    return this.wordView;
  }

  /** A memory that grew is another buffer. */
  private refresh(): void {
    const { buffer } = this.exports.memory;
    if (this.memoryView.buffer === buffer) return;
    this.memoryView = new Uint8Array(buffer);
    this.wordView = new Uint32Array(buffer);
  }

  /** Finds the guest's buffers. */
  private locate(): void {
    const header = this.regionOf('header');
    if (header.bytes < sharedHeader.words * 4 || (header.pointer & 7) !== 0) throw new GodwitError('INTERNAL', 'the guest broke its header');
    this.header = header.pointer;
    this.inbox = this.regionOf('inbox');
    this.outbox = this.regionOf('outbox');
    this.knownBuffers = this.words[(this.header >>> 2) + sharedHeader.buffers];
  }

  private regionOf(name: string): Region {
    const { exports, handles } = this;
    let region: Region = { pointer: 0, bytes: 0 };
    this.enter(this.limits.segmentMs, () => {
      const array = this.property(handles?.entry as Handle, name);
      const sizes = exports.wasm_malloc(16);
      const buffer = exports.qjs_get_typed_array_buffer(array, sizes, sizes + 4, sizes + 8);
      this.check(buffer);
      const data = exports.qjs_get_array_buffer(buffer, sizes + 12);
      const [offset = 0, bytes = 0] = this.words.subarray(sizes >>> 2, (sizes >>> 2) + 2);
      exports.qjs_free_value(buffer);
      exports.qjs_free_value(array);
      exports.wasm_free(sizes);
      region = { pointer: data + offset, bytes };
    });
    // E3
    if (region.pointer === 0 || region.pointer + region.bytes > this.memoryBytes) throw new GodwitError('INTERNAL', `the guest broke its ${name}`);
    return region;
  }

  private allocate(bytes: Uint8Array): number {
    const pointer = this.exports.wasm_malloc(bytes.length + 1);
    if (pointer === 0) throw new GodwitError('RESOURCE_EXHAUSTED', `a guest has no memory left for ${bytes.length} bytes`);
    this.memory.set(bytes, pointer);
    this.memory[pointer + bytes.length] = 0;
    return pointer;
  }

  // ── Entering ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private enter(withinMs: number, act: () => void): void {
    this.deadline = performance.now() + withinMs; // E1
    this.observer.entered();
    try {
      act();
    } catch (thrown) {
      throw this.errorFrom(thrown);
    } finally {
      this.observer.left();
      this.deadline = Number.POSITIVE_INFINITY;
    }
  }

  private check(result: Handle): void {
    if (this.exports.qjs_is_exception(result) !== 0) throw this.thrown();
  }

  /** The guest's pending exception, with its own stack. */
  private thrown(): GodwitError {
    const { exports } = this;
    const exception = exports.qjs_get_exception();
    const message = this.textOf(exception, 'message') ?? 'a value that is no error';
    const name = this.textOf(exception, 'name') ?? 'Error';
    const stack = this.textOf(exception, 'stack') ?? '';
    const code: Code = name === 'InternalError' ? 'RESOURCE_EXHAUSTED' : 'INTERNAL';
    exports.qjs_free_value(exception);
    const error = new GodwitError(code, `${name}: ${message}`, { retryable: false });
    error.stack = `${name}: ${message}\n${stack}`;
    return error;
  }

  private textOf(object: Handle, name: string): string | undefined {
    const { exports } = this;
    const value = this.property(object, name);
    let text: string | undefined;
    if (exports.qjs_is_string(value) !== 0) {
      const pointer = exports.qjs_get_string(value);
      const end = this.memory.indexOf(0, pointer);
      if (pointer !== 0 && end >= 0) text = new TextDecoder().decode(this.memory.slice(pointer, end));
      exports.qjs_free_cstring(pointer);
    }
    exports.qjs_free_value(value);
    return text;
  }

  private property(object: Handle, name: string): Handle {
    const key = this.allocate(new TextEncoder().encode(name));
    const value = this.exports.qjs_get_prop_string(object, key);
    this.exports.wasm_free(key);
    return value;
  }
}
