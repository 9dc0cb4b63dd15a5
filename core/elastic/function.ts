// An elastic function: a function that is also a stateless actor. Called here it runs here, until its actor is away; then its calls go there.
//
// What crosses with a call: the arguments as the codec carries them, an AbortSignal among them as the ask's own, and functions among them as
// ways back: the far side calls them with what it has to report, and gets no answer.
import type { Context } from '../actors/context.js';
import { type AnyDefinition, actor, type Needs, type StandardSchema } from '../actors/definition.js';
import { type AskOptions, defaultTimeoutMs, type Ref } from '../actors/ref.js';
import { GodwitError } from '../errors.js';

/** What {@link elastic} takes. @public */
export interface ElasticOptions {
  /**
   * Of the actor behind it, unique among the functions and actors a node knows. Default: the function's own, which must then be the name it is exported
   * under; a build gives the one of its variable.
   */
  readonly name?: string;
  /** Source file: pass `import.meta.url`, or let a build do it. Without it the function stays where it is. */
  readonly source?: string;
  /** Validates the list of arguments, enforced where they arrive from another node. An AbortSignal or function among them is undefined there. */
  readonly schema?: StandardSchema;
  /** What it needs of a host. */
  readonly needs?: Needs;
  /** Milliseconds until a call that runs elsewhere ends DEADLINE_EXCEEDED; default 5000. Here there is no deadline, and a generator has none anywhere. */
  readonly timeoutMs?: number;
}

/**
 * What can be elastic: its result is waited for or iterated, so that a caller need not know where it runs. One that is iterated is written `async function*`
 * (compiled for ES2018 or later): a function that merely returns a generator cannot be told from one to be awaited, and is refused when it is called.
 * @public
 */
export type ElasticFunction = (...args: never[]) => PromiseLike<unknown> | AsyncGenerator<unknown, unknown, unknown>;

/** Arguments on their way: which of them is the signal, and which are functions. */
interface PackedCall {
  readonly values: readonly unknown[];
  /** -1 for none. */
  readonly signalAt: number;
  readonly functionsAt: readonly number[];
}

/** What a call with functions among its arguments answers: calls of them, and at last the result. */
type Report = readonly [at: number, args: readonly unknown[]] | readonly [result: unknown];

type FunctionHandlers = {
  call(state: null, packed: PackedCall, ctx: Context): unknown;
  report(state: null, packed: PackedCall, ctx: Context): AsyncGenerator<Report, void>;
  items(state: null, packed: PackedCall, ctx: Context): AsyncGenerator<unknown, void>;
};
type FunctionRef = Ref<FunctionHandlers>;

/** What is behind an elastic function. */
interface Behind {
  /** @throws {GodwitError} INVALID_ARGUMENT it has no name */
  readonly definition: (exportedAs: string | undefined) => AnyDefinition;
  /** What is called in its place: away, its actor; before its first call here, a check of what it returns. */
  instead: ((args: unknown[]) => unknown) | undefined;
  readonly callThrough: (ref: FunctionRef) => (args: unknown[]) => unknown;
}

const marker = Symbol.for('godwit.elastic');

/**
 * Makes a function elastic: same type, same call, wherever it runs. Until it is offloaded (`device.offload.request(fn)`) a call costs one property check
 * more than before. It is a stateless actor behind the scenes: it must capture nothing that changes, its arguments and results travel, and calls that run
 * elsewhere are handled one after the other. The paper's elastic function (sec. 2.3); `'use elastic'` as a function's first statement is the same by a build.
 * @param fn async, or an async generator; overloads and generics stay as they are
 * @throws {GodwitError} INVALID_ARGUMENT it is no function; and when it is first called here, it is neither of the two: see {@link ElasticFunction}
 * @public
 */
export function elastic<F extends ElasticFunction>(fn: F, options: ElasticOptions = {}): F {
  const run = fn as unknown as (...args: unknown[]) => unknown;
  if (typeof run !== 'function') throw new GodwitError('INVALID_ARGUMENT', `elastic() takes a function, not ${typeof run}`);
  const behind = createBehind(run, options);
  const tagged = (...args: unknown[]): unknown => (behind.instead === undefined ? run(...args) : behind.instead(args));
  Object.defineProperties(tagged, { name: { value: fn.name }, length: { value: fn.length }, [marker]: { value: behind } });
  return tagged as unknown as F;
}

/**
 * The definition of the actor behind an elastic function; undefined for anything else.
 * @param exportedAs its name where its own may have been minified away @throws {GodwitError} INVALID_ARGUMENT the function has no name
 */
export function definitionOfFunction(value: unknown, exportedAs?: string): AnyDefinition | undefined {
  return behindOf(value)?.definition(exportedAs);
}

/** Sends the calls of an elastic function to its actor from now on; without a ref they run here again. */
export function leadCalls(fn: unknown, ref: unknown): void {
  const behind = behindOf(fn);
  if (behind !== undefined) behind.instead = ref === undefined ? undefined : behind.callThrough(ref as FunctionRef);
}

function behindOf(value: unknown): Behind | undefined {
  return typeof value === 'function' ? (value as { [marker]?: Behind })[marker] : undefined;
}

function createBehind(run: (...args: unknown[]) => unknown, options: ElasticOptions): Behind {
  const { name = run.name, timeoutMs = defaultTimeoutMs } = options;
  const iterates = (run as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === 'AsyncGeneratorFunction';
  let definition: AnyDefinition | undefined;
  const runFirst = (args: unknown[]) => {
    const result = run(...args);
    checkAwaited(name, result);
    if (behind.instead === runFirst) behind.instead = undefined;
    return result;
  };
  const behind: Behind = {
    definition: (exportedAs) => (definition ??= defineFunction(options.name ?? exportedAs ?? name, run, options)),
    instead: iterates ? undefined : runFirst,
    callThrough: (ref) => (args) => {
      const packed = pack(name, args);
      const signal = args[packed.signalAt] as AbortSignal | undefined;
      const asked: AskOptions = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
      if (iterates) return items(name, ref, packed, signal);
      return packed.functionsAt.length === 0 ? ref.call(packed, asked) : reported(ref, packed, args, asked);
    },
  };
  return behind;
}

/** @throws {GodwitError} INVALID_ARGUMENT it is a generator: elsewhere its function would answer a promise */
function checkAwaited(name: string, result: unknown): void {
  if (typeof result !== 'object' || result === null || !(Symbol.asyncIterator in result)) return;
  throw new GodwitError('INVALID_ARGUMENT', `elastic function ${name} returned a generator, and is none itself: write it as 'async function*', with yield*`);
}

function defineFunction(name: string, run: (...args: unknown[]) => unknown, { source, needs, schema }: ElasticOptions): AnyDefinition {
  if (name === '')
    throw new GodwitError('INVALID_ARGUMENT', 'an elastic function without a name cannot be offloaded: name the function, or pass { name } to elastic()');
  const validated = schema === undefined ? undefined : argumentsOf(schema);
  return actor<null, FunctionHandlers>(name, {
    state: () => null,
    ...(source === undefined ? {} : { source }),
    ...(needs === undefined ? {} : { needs }),
    ...(validated === undefined ? {} : { schema: { call: validated, report: validated, items: validated } }),
    on: {
      call: (_state, packed, ctx) => run(...unpack(packed, ctx)),
      async *report(_state, packed, ctx) {
        const reports: Report[] = [];
        let wake = () => {};
        const push = (report: Report) => {
          reports.push(report);
          wake();
        };
        const result = Promise.resolve(run(...unpack(packed, ctx, (at, args) => push([at, args]))));
        let failed: { readonly thrown: unknown } | undefined;
        result.then(
          (value) => push([value]),
          (thrown: unknown) => {
            failed = { thrown };
            wake();
          },
        );
        for (;;) {
          const report = reports.shift();
          if (report !== undefined) {
            yield report;
            if (report.length === 1) return;
          } else if (failed !== undefined) throw failed.thrown;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      },
      async *items(_state, packed, ctx) {
        yield* run(...unpack(packed, ctx)) as AsyncGenerator<unknown, void>;
      },
    },
  });
}

/** Not by its class: signals come from other realms too. */
function isSignal(value: unknown): value is AbortSignal {
  return typeof value === 'object' && value !== null && typeof (value as Partial<AbortSignal>).aborted === 'boolean' && 'throwIfAborted' in value;
}

/** @throws {GodwitError} INVALID_ARGUMENT two signals: an ask has one */
function pack(name: string, args: readonly unknown[]): PackedCall {
  let signalAt = -1;
  const functionsAt: number[] = [];
  const values = args.map((arg, at) => {
    if (typeof arg === 'function') {
      functionsAt.push(at);
      return undefined;
    }
    if (!isSignal(arg)) return arg;
    if (signalAt !== -1)
      throw new GodwitError('INVALID_ARGUMENT', `elastic function ${name} was called with two AbortSignals: combine them with AbortSignal.any`);
    signalAt = at;
    return undefined;
  });
  return { values, signalAt, functionsAt };
}

function unpack({ values, signalAt, functionsAt }: PackedCall, ctx: Context, report?: (at: number, args: readonly unknown[]) => void): unknown[] {
  const args = [...values];
  if (signalAt >= 0) args[signalAt] = ctx.signal;
  for (const at of functionsAt) args[at] = (...reported: unknown[]) => report?.(at, reported);
  return args;
}

/** A call whose functions are called from afar. */
async function reported(ref: FunctionRef, packed: PackedCall, args: readonly unknown[], options: AskOptions): Promise<unknown> {
  for await (const report of ref.report(packed, options)) {
    if (report.length === 1) return report[0];
    const [at, reportedArgs] = report;
    (args[at] as (...args: readonly unknown[]) => unknown)(...reportedArgs);
  }
  throw new GodwitError('ABORTED', 'an elastic function ended without a result');
}

function items(name: string, ref: FunctionRef, packed: PackedCall, signal: AbortSignal | undefined): AsyncIterableIterator<unknown> {
  if (packed.functionsAt.length > 0)
    throw new GodwitError('INVALID_ARGUMENT', `elastic generator ${name} was called with a function while it is away: yield what there is to report`);
  return ref.items(packed, signal === undefined ? {} : { signal });
}

function argumentsOf(schema: StandardSchema): StandardSchema {
  return {
    '~standard': {
      version: 1,
      vendor: 'godwit',
      async validate(packed) {
        const { values } = packed as PackedCall;
        const result = await schema['~standard'].validate(values);
        return result.issues === undefined ? { value: { ...(packed as PackedCall), values: result.value } } : result;
      },
    },
  };
}
