import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import { build } from 'esbuild';
import { QuickJS } from 'quickjs-wasi';
import { createRef, type Holder, isRef } from '../actors/ref.js';
import type { RefCodec } from './codec.js';

/** What the codec keeps, as data: each row is an expression that any engine can evaluate. */
export const fidelityTable: ReadonlyArray<readonly [title: string, expression: string]> = [
  ['undefined', 'undefined'],
  ['null', 'null'],
  ['booleans', '[true, false]'],
  [
    'integers at the edges of each width',
    '[0, 1, 127, 128, 191, 192, 255, 256, 65535, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -1, -128, -(2 ** 32), -(2 ** 32) - 1, undefined]',
  ],
  ['fractions', '[0.1, 1 / 3, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, -1.5]'],
  ['fractions beside undefined', '[0.1, 1 / 3, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, -1.5, undefined]'],
  ['NaN, infinities and negative zero', '[NaN, Infinity, -Infinity, -0]'],
  ['negative zero alone', '-0'],
  ['bigints', '[0n, 1n, -1n, 2n ** 64n, -(2n ** 200n)]'],
  ['ASCII, Latin-1 and wide text', "['', 'a', '\\u00e9\\u00ff\\u0080', '\\u6e21\\u308a\\u9ce5', '\\ud83d\\udc26', '\\ufeffbom', '\\u0000\\u001f\\u2028\"']"],
  ['wide text beside undefined', "['', 'a', '\\u00e9\\u00ff\\u0080', '\\u6e21\\u308a\\u9ce5', '\\ud83d\\udc26', '\\ufeffbom', '\\u0000', undefined]"],
  ['lone surrogates', "['\\ud800', 'x\\udc00y']"],
  ['lone surrogates beside undefined', "['\\ud800', 'x\\udc00y', undefined]"],
  ['a pair of surrogates split over two strings', "['\\ud83d', '\\udc26', undefined]"],
  ['long Latin-1 text', "'\\u00e9t\\u00e9 '.repeat(3000)"],
  ['long texts beside undefined', "['a'.repeat(5000), '\\u00e9'.repeat(5000), '\\u6e21'.repeat(5000), '\\udc00'.repeat(5000), undefined]"],
  ['dates', '[new Date(0), new Date(1700000000123)]'],
  ['regular expressions', '[/a\\/b[^c]/giu, new RegExp("")]'],
  ['a map with keys of all kinds', "new Map([[1, 'a'], ['k', undefined], [NaN, new Map()], [{ o: 1 }, [1]]])"],
  ['a set', "new Set([1, 'a', undefined, new Set([-0])])"],
  ['plain objects', "{ id: 'a', x: 1, nested: { list: [1, 'two', null, { three: 3 }] }, 7: 'seven', 'odd key \\u6e21': true, '': 0 }"],
  ['a property that is undefined', '{ a: undefined, b: 1 }'],
  ['a property named __proto__', 'JSON.parse(\'{"__proto__": {"polluted": true}, "a": 1}\')'],
  [
    'a property named __proto__ beside undefined',
    'Object.assign(Object.defineProperty({}, "__proto__", { value: { polluted: true }, enumerable: true, configurable: true, writable: true }), { a: undefined })',
  ],
  [
    'many objects of one shape and of others',
    "Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? { id: 'n' + i, at: i / 7, gone: undefined } : { id: 'm' + i, 'a,b': i }))",
  ],
  ['arrays with holes', '[1, , undefined, , 5]'],
  ['a nearly empty array', '(() => { const a = []; a[4000000000] = 1; a.length = 4100000000; return a; })()'],
  ['an array buffer', 'new Uint8Array([1, 2, 3]).buffer'],
  ['a data view', 'new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)'],
  [
    'every kind of typed array, some of them misaligned',
    '[Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array].map((K) => new K([1, 2, 255])).concat(new BigInt64Array([-1n]), new BigUint64Array([2n ** 63n]), new Uint8Array())',
  ],
  ['an object with one large typed array', "{ id: 'frame-17', width: 512, height: 512, rgb: new Uint8Array(786432).fill(9) }"],
  ['a cycle', '(() => { const a = { name: "a", list: [] }; a.self = a; a.list.push(a, a.list); return a; })()'],
  ['a cycle through a map and a set', '(() => { const m = new Map(); const s = new Set([m]); m.set("s", s).set(m, 1); return m; })()'],
  [
    'errors',
    "[Error, RangeError, TypeError, SyntaxError].map((E) => { const e = new E('it broke', { cause: { code: 7 } }); e.stack = 'where it broke'; return e; })",
  ],
  [
    'an error of another name, caused by itself',
    "(() => { const e = new Error(''); Object.defineProperty(e, 'name', { value: 'Abort\\u00e9' }); e.stack = ''; Object.defineProperty(e, 'cause', { value: [e.name, undefined] }); return e; })()",
  ],
  ['more brackets than JSON text may hold', "[Array.from({ length: 1200 }, (_, i) => ({ i })), '[{'.repeat(100)]"],
  ['text full of brackets', "['[{'.repeat(600)]"],
  ['200 levels of nesting', '(() => { let v = [undefined]; for (let i = 1; i < 200; i++) v = i % 2 ? { v } : [v]; return v; })()'],
  ['200 levels of JSON', '(() => { let v = [1]; for (let i = 1; i < 200; i++) v = i % 2 ? { v } : [v]; return v; })()'],
];

/** Evaluates a row here. */
export function evaluate(expression: string): unknown {
  return runInThisContext(`(${expression})`);
}

const holder: Holder = {
  address: 'nobody',
  tell: () => {},
  ask: () => Promise.resolve(),
  stream: () => (async function* () {})(),
  where: () => undefined,
  stop: () => {},
  push: () => {},
  durable: false,
  encode: () => new Uint8Array(),
  decode: () => undefined,
  child: () => {
    throw new Error('nobody spawns');
  },
};

/** Refs that nobody answers. */
export const refs: RefCodec = {
  describe: (value) => (isRef(value) ? value : undefined),
  revive: (target) => createRef(target.$address, target.$protocol, holder),
};

/** The codec inside the real script engine. */
export interface GuestCodec {
  /** Encodes what `expression` evaluates to in the guest. */
  encode(expression: string): Uint8Array;
  /** Decodes in the guest and encodes what came out. */
  recode(bytes: Uint8Array): Uint8Array;
  /** Runs `expression`, which may use `codec`, `refs` and the bytes `input`, to a string. */
  run(expression: string, input?: Uint8Array): string;
  dispose(): void;
}

const guestRefs = `globalThis.refs = {
  describe: (value) => (value instanceof Ref ? value : undefined),
  revive: ({ $address, $protocol }) => new Ref($address, $protocol),
};
class Ref { constructor($address, $protocol) { this.$address = $address; this.$protocol = $protocol; } }`;

/** Starts QuickJS with the codec bundled for it. */
export async function startGuestCodec(): Promise<GuestCodec> {
  const entry = fileURLToPath(new URL('./index.js', import.meta.url));
  const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: 'iife', globalName: 'codec', target: 'es2022' });
  const wasm = await readFile(createRequire(import.meta.url).resolve('quickjs-wasi/quickjs.wasm'));
  const vm = await QuickJS.create({ wasm });
  const run = (code: string, input: Uint8Array = new Uint8Array()): string => {
    const handle = vm.newUint8Array(input);
    vm.setProp(vm.global, 'input', handle);
    handle.dispose();
    const result = vm.evalCode(code);
    const text = result.toString();
    result.dispose();
    return text;
  };
  run(`${bundle.outputFiles[0].text}\n${guestRefs}; ''`);
  const bytes = (code: string, input?: Uint8Array) => new Uint8Array(Buffer.from(run(`(${code}).toBase64()`, input), 'base64'));
  return {
    encode: (expression) => bytes(`codec.encode((${expression}), refs)`),
    recode: (input) => bytes('codec.encode(codec.decode(input, refs), refs)', input),
    run,
    dispose: () => vm.dispose(),
  };
}
