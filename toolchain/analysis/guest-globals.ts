// What a program finds in the global scope of a guest. A test compares it with the real engine.

/** Globals of every tier: the script engine's own, and those that the guest loop adds; without `eval`, whose captures nobody can check. */
export const guestGlobals: ReadonlySet<string> = new Set(
  `AbortController AbortSignal AggregateError Array ArrayBuffer AsyncDisposableStack BigInt BigInt64Array BigUint64Array Boolean DOMException DataView
   Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array
   Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol
   SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet atob btoa console decodeURI
   decodeURIComponent encodeURI encodeURIComponent escape globalThis isFinite isNaN parseFloat parseInt performance queueMicrotask undefined unescape`.split(
    /\s+/,
  ),
);

/** What to do instead of using a global that a guest lacks; for any other, {@link otherwise}. */
const instead = new Map<string, string>();
const advise = (names: string, fix: string) => {
  for (const name of names.split(' ')) instead.set(name, fix);
};
advise('setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate', 'use ctx.after in an actor: its timers move with it');
advise('fetch XMLHttpRequest WebSocket EventSource', 'fetch on the device and pass the result as a parameter, or reach the network through a host function');
advise('process __dirname __filename', 'read it on the device and pass the value as a parameter');
advise('require module exports', 'import what you need with an import statement');
advise('Buffer', 'use Uint8Array');
advise('TextEncoder TextDecoder structuredClone', 'pass strings and structured values as they are: the codec carries them');
advise('crypto', 'use Math.random where chance suffices, or pass random bytes as a parameter');
advise('document window self navigator localStorage sessionStorage location history screen alert', 'do this on the device, with what the function returns');
advise('eval', 'write the code out: nobody can tell what evaluated code captures');
advise('arguments', 'use rest parameters');

const otherwise = 'pass what you need of it as a parameter, or import it';

/** What to do instead of using the global `name`. */
export function insteadOf(name: string): string {
  return instead.get(name) ?? otherwise;
}
