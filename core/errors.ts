/**
 * The sixteen gRPC status codes, by name.
 * @see https://grpc.github.io/grpc/core/md_doc_statuscodes.html
 * @public
 */
export const codes = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** One of the sixteen gRPC status codes. @public */
export type Code = (typeof codes)[number];

/** Codes after which the same call may succeed if it is simply tried again. */
const retryableCodes: ReadonlySet<Code> = new Set<Code>(['UNAVAILABLE', 'ABORTED', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED']);

/** What a {@link GodwitError} is made of beside its code and message. @public */
export interface GodwitErrorOptions {
  readonly cause?: unknown;
  /** True if trying again may succeed; default: by the code. */
  readonly retryable?: boolean;
  /** Name of the node on which it happened. */
  readonly node?: string;
  /** Facts a program can act on; must survive the codec. */
  readonly details?: unknown;
}

// A symbol in the global registry recognises an error of ours across realms, bundles and worker threads, where instanceof does not.
const marker = Symbol.for('godwit.error');

/**
 * The only error class Godwit throws or rejects with.
 * Recognise a failure by `code`, never by its message; the message says what failed, on which ref, and the limit met.
 * @public
 */
export class GodwitError extends Error {
  override readonly name = 'GodwitError';
  readonly code: Code;
  readonly retryable: boolean;
  readonly node: string | undefined;
  readonly details: unknown;
  readonly [marker] = true;

  constructor(code: Code, message: string, options: GodwitErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? retryableCodes.has(code);
    this.node = options.node;
    this.details = options.details;
  }

  /** True for a GodwitError of any realm or copy of this module. */
  static is(value: unknown): value is GodwitError {
    return typeof value === 'object' && value !== null && marker in value;
  }

  /**
   * The GodwitError for whatever was thrown: itself if it is one already, else a new one with it as cause.
   * @param fallback code for anything that carries none; default UNKNOWN
   */
  static from(thrown: unknown, fallback: Code = 'UNKNOWN'): GodwitError {
    if (GodwitError.is(thrown)) return thrown;
    if (thrown instanceof Error) {
      const error = new GodwitError(fallback, thrown.message, { cause: thrown });
      if (thrown.stack !== undefined) error.stack = thrown.stack;
      return error;
    }
    return new GodwitError(fallback, String(thrown), { cause: thrown });
  }
}

/** A GodwitError as plain data: what travels in a FAIL record or a control message. */
export interface ErrorValue {
  readonly code: Code;
  readonly message: string;
  readonly retryable: boolean;
  readonly node?: string;
  readonly stack?: string;
  readonly details?: unknown;
}

/** The plain data of an error, for the wire. @param node where it happened, kept if the error already names one */
export function valueFromError(error: GodwitError, node?: string): ErrorValue {
  const where = error.node ?? node;
  return {
    code: error.code,
    message: error.message,
    retryable: error.retryable,
    ...(where === undefined ? {} : { node: where }),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.details === undefined ? {} : { details: error.details }),
  };
}

/**
 * The error a wire value stands for; anything malformed becomes INTERNAL. The far side's stack is spliced in below its own header.
 * @param asked frames of the call that failed: they come last
 */
export function errorFromValue(value: unknown, asked?: string): GodwitError {
  const v = (typeof value === 'object' && value !== null ? value : {}) as Partial<ErrorValue>;
  const code = codes.find((c) => c === v.code) ?? 'INTERNAL';
  const error = new GodwitError(code, typeof v.message === 'string' ? v.message : 'malformed error received', {
    ...(typeof v.retryable === 'boolean' ? { retryable: v.retryable } : {}),
    ...(typeof v.node === 'string' ? { node: v.node } : {}),
    details: v.details,
  });
  if (typeof v.stack === 'string')
    error.stack = `${v.stack}\n    --- received from ${error.node ?? 'another node'} ---${asked === undefined ? '' : `\n${asked}`}`;
  return error;
}
