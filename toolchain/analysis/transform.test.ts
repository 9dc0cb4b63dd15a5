import { SourceMap, type SourceMapPayload } from 'node:module';
import test from 'ava';
import { build } from 'esbuild';
import { transform } from './index.js';

// What a module does after the rewrite is seen by running it, with tags that tell what they were given.
const tags = `
  const tell = (kind) => (first, options) => kind === 'actor' ? { name: first, ...options } : Object.assign((...given) => first(...given), { tagged: options });
  export const actor = tell('actor'), elastic = tell('elastic'), stateful = (name, fn, options) => ({ name, ...options });
`;

interface Tagged {
  (...given: unknown[]): Promise<unknown>;
  readonly tagged: Tagged;
  readonly [member: string]: Tagged;
}

async function run(code: string, side: 'device' | 'edge', path = 'src/m.ts'): Promise<Record<string, Tagged>> {
  const transformed = await transform(code, path, { side });
  if (transformed === undefined || transformed.findings.length > 0) throw new Error(`not transformed: ${JSON.stringify(transformed?.findings)}`);
  const { outputFiles: [output] = [] } = await build({
    stdin: { contents: transformed.code, loader: 'ts', resolveDir: '/' },
    bundle: true,
    format: 'esm',
    write: false,
    define: side === 'device' ? { 'import.meta.url': '"file:///m.ts"' } : {},
    plugins: [
      {
        name: 'tags',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^godwit(\/nact)?$/ }, () => ({ path: 'godwit', namespace: 'tags' }));
          onLoad({ filter: /.*/, namespace: 'tags' }, () => ({ contents: tags }));
        },
      },
    ],
  });
  return (await import(`data:text/javascript;base64,${Buffer.from(output?.contents ?? []).toString('base64')}`)) as Record<string, Tagged>;
}

const source = 'file:///m.ts';

test('transform: a function with the directive becomes elastic, wherever it is declared', async (t) => {
  const m = await run(
    `const half = 0.5;
     export async function halve(x: number): Promise<number> { 'use elastic'; return x * half; }
     export const twice = async (x: number) => { 'use elastic'; return x * 2; };
     const thrice = (async function (x: number) { 'use strict'; 'use elastic'; return x * 3; }) as (x: number) => Promise<number>;
     export { thrice as triple };
     export default async function () { 'use elastic'; return half; }
     export const many = { async four<T>(x: T) { 'use elastic'; return [x, half]; }, deep: { 'five-times': async (x: number) => { 'use elastic'; return x * 5; } } };
     export class Tools { public static async six(x: number): Promise<number>; public static async six(x: any) { 'use elastic'; return x * 6; } seven = 7; }`,
    'device',
  );

  t.deepEqual(await Promise.all([m.halve(4), m.twice(4), m.triple(4), m.default(), m.many.four(4), m.many.deep['five-times'](4), m.Tools.six(4)]), [
    2,
    8,
    12,
    0.5,
    [4, 0.5],
    20,
    24,
  ]);
  t.deepEqual(
    [m.halve, m.twice, m.triple, m.default, m.many.four, m.many.deep['five-times'], m.Tools.six].map(({ tagged }): unknown => tagged),
    ['halve', 'twice', 'thrice', 'default', 'many.four', 'many.deep.five-times', 'Tools.six'].map((name) => ({ name, source })),
  );
});

test('transform: an async generator is elastic in every form', async (t) => {
  const m = await run(
    `export async function* one() { 'use elastic'; yield 1; }
     export default async function* () { 'use elastic'; yield 2; }
     export const many = { async *three() { 'use elastic'; yield 3; } };
     export class Tools { static async *four() { 'use elastic'; yield 4; } }`,
    'device',
  );

  const generators = [m.one, m.default, m.many.three, m.Tools.four] as unknown as (() => AsyncGenerator<number>)[];
  t.deepEqual(await Promise.all(generators.map(async (generator) => (await generator().next()).value as number)), [1, 2, 3, 4]);
});

test('transform: a declared function stays hoisted, and calls itself where it runs', async (t) => {
  const m = await run(
    `export const early = () => started; const started = count(2); // behind the imports, in front of the declaration
     export async function count(n: number): Promise<number[]>;
     export async function count(n: string): Promise<number[]>;
     export async function count(n: number | string): Promise<number[]> { 'use elastic'; const own = { count }; return Number(n) === 0 ? [] : [Number(n), ...(await own.count(Number(n) - 1))]; }
     export default count;`,
    'device',
  );

  t.deepEqual(await m.early(), [2, 1]);
  t.is(m.default, m.count);
  t.deepEqual(m.count.tagged as unknown, { name: 'count', source });
});

test('transform: the overloads and generics of a declared function stay legal TypeScript', async (t) => {
  const { code } = (await transform(
    `export async function f(x: string): Promise<1>;\nexport async function f<T>(x: T): Promise<1> {\n  'use elastic';\n  return 1;\n}\n`,
    'f.ts',
    { side: 'device' },
  ))!;

  t.is(
    code,
    `import { elastic as elastic$ } from 'godwit';
export const f = /* @__PURE__ */ elastic$(f$local, { name: "f", source: import.meta.url });
async function f$local(x: string): Promise<1>;\nasync function f$local<T>(x: T): Promise<1> {\n  \n  return 1;\n}\n`,
  );
});

test('transform: calls of the tags get what they lack, and keep what they have', async (t) => {
  const m = await run(
    `import { actor, elastic as flexible } from 'godwit';
     const options = { timeoutMs: 5, name: 'own' }, fn = async () => 1;
     export const a = flexible(fn), b = flexible(async () => 2, { timeoutMs: 3 }), c = flexible(fn, { name: 'named', source: 'here' }), d = flexible(fn, options), e = flexible(fn, {});
     export const A = actor('A', { on: {} }), B = actor('B', { source: 'there', on: {} }), C = actor('C', { on: {}, ...options });
     import { stateful } from 'godwit/nact';
     export const N = stateful('N', fn), O = stateful('O', fn, { initialState: 0 });
     export default flexible(fn);`,
    'device',
  );

  t.deepEqual(
    [m.a, m.b, m.c, m.d, m.e, m.default].map(({ tagged }): unknown => tagged),
    [
      { name: 'a', source },
      { name: 'b', source, timeoutMs: 3 },
      { name: 'named', source: 'here' },
      { name: 'own', source, timeoutMs: 5 },
      { name: 'e', source },
      { name: 'default', source },
    ],
  );
  t.deepEqual([m.A, m.B, m.C] as unknown[], [
    { name: 'A', source, on: {} },
    { name: 'B', source: 'there', on: {} },
    { name: 'own', source, on: {}, timeoutMs: 5 },
  ]);
  t.deepEqual([m.N, m.O] as unknown[], [
    { name: 'N', source },
    { name: 'O', source, initialState: 0 },
  ]);
});

test('transform: parentheses, comments, commas and computed keys about a tag are left alone', async (t) => {
  const m = await run(
    `import { elastic } from 'godwit';
     export const a = elastic((async () => 1)), b = elastic(async () => 2, /* , */), c = elastic((async () => 3) /* , ) */), d = elastic(((async () => 4)), // )
     );
     export const many = { async ['five']() { 'use elastic'; return 5; }, async [/* ] */ ('six')]() { 'use elastic'; return 6; } };
     export class Tools { static async ['seven']() { 'use elastic'; return 7; } }
     export default async function /* (x) */ (x = '(') { 'use elastic'; return x; }`,
    'device',
  );

  const tagged = [m.a, m.b, m.c, m.d, m.many.five, m.many.six, m.Tools.seven, m.default];
  t.deepEqual(await Promise.all(tagged.map((fn) => fn())), [1, 2, 3, 4, 5, 6, 7, '(']);
  t.deepEqual(
    tagged.map(({ tagged: options }): unknown => options),
    ['a', 'b', 'c', 'd', 'many.five', 'many.six', 'Tools.seven', 'default'].map((name) => ({ name, source })),
  );
});

test('transform: on the edge everything tagged is exported, under its own name or a reserved one', async (t) => {
  const m = await run(
    `import { actor } from 'godwit';
     async function hidden() { 'use elastic'; return 1; }
     export async function open() { 'use elastic'; return hidden(); }
     const filters = { async soft() { 'use elastic'; return 3; } };
     const Child = actor('child', { state: () => 4 });
     export default async () => { 'use elastic'; return 5; };`,
    'edge',
  );

  t.deepEqual(Object.keys(m).sort(), ['default', 'godwit$Child', 'godwit$filters$soft', 'godwit$hidden', 'open']);
  t.deepEqual(await Promise.all([m.default(), m.godwit$filters$soft(), m.godwit$hidden(), m.open()]), [5, 3, 1, 1]);
  t.deepEqual(m.open.tagged as unknown, { name: 'open' });
});

test('transform: the edge leaves out what stays on the device, and keeps what is used', async (t) => {
  const m = await run(
    `import { startDevice } from 'godwit/device';
     import './style.css';
     import { actor } from 'godwit';
     enum Unit { Metre = 1 }
     const factor = 2;
     function scale(x: number): number { return x * factor * Unit.Metre; }
     namespace Scales { export namespace Metric { export const metre = 1; } }
     import Metric = Scales.Metric;
     import Unused = Scales.Metric;
     export const A = actor('a', { state: () => scale(3) * Metric.metre });
     export const helper = (x: number) => scale(x);
     export const count = { n: 0 };
     count.n += 1;
     export let changing = 1; changing = 2;
     export async function main() { return startDevice({ name: 'x' }); }
     export { startDevice, factor, type Named };
     interface Named { name: string }
     await main();
     document.title = 'running';
     const last = (items: unknown[]) => items.at(-1);
     (Array.prototype as any).last2 = function () { return last(this); };
     Object.defineProperty(Array.prototype, 'first2', { value() { return this[0]; }, configurable: true });
     (globalThis as any).title = document.title;
     export const ends = (items: any) => [items.first2(), items.last2()];`,
    'edge',
  );

  t.deepEqual(Object.keys(m).sort(), ['A', 'ends', 'factor', 'helper']);
  t.deepEqual((m.ends as unknown as (items: number[]) => unknown)([1, 2, 3]), [1, 3], 'what it gives to the globals of a guest comes along');
  t.is((m.A as unknown as { state(): number }).state(), 6);
});

test('transform: a module that tags nothing is left alone, unparsed', async (t) => {
  for (const code of [
    'export const actor = 1;',
    `import { spawn } from 'godwit'; spawn();`,
    `import { actor } from './own.js'; export const A = actor('a', {});`,
    'not a program',
    `import { actor } from 'godwit'; actor(`,
  ]) {
    t.is(await transform(code, 'm.ts', { side: 'device' }), undefined, code);
  }
});

test('transform: a second time changes nothing', async (t) => {
  const once = await transform(`export async function f() { 'use elastic'; }\nexport const g = async () => { 'use elastic'; };`, 'm.ts', { side: 'device' });

  t.is(await transform(once!.code, 'm.ts', { side: 'device' }), undefined);
});

test('transform: the source map leads from every word that was kept to the same word', async (t) => {
  const code = `import { actor } from 'godwit';
/** 🐢 */ export async function halve<T extends number>(amount: T, tortoise = '🐢'): Promise<number> {
  'use elastic';
  if (amount > 1) return halve(amount / 2, tortoise);
  return amount;
}
export const filters = { async soften(pixel: number) { 'use elastic'; return pixel; } };
console.log('stays here');
const Worker = actor('worker', { state: () => ({ jobs: 0 }), on: {} });
`;

  for (const side of ['device', 'edge'] as const) {
    const { code: rewritten, map } = (await transform(code, 'src/m.ts', { side }))!;
    const payload = JSON.parse(map) as SourceMapPayload;
    const sourceMap = new SourceMap(payload);
    const words = [...rewritten.matchAll(/amount|tortoise|pixel|jobs|state|extends/g)];
    const lines = code.split('\n');

    for (const { 0: word, index } of words) {
      const before = rewritten.slice(0, index).split('\n');
      const entry = sourceMap.findEntry(before.length - 1, before.at(-1)!.length);
      if (!('originalLine' in entry)) throw new Error(`${word} is not mapped`);
      t.true(lines[entry.originalLine].startsWith(word, entry.originalColumn), `${side}: ${word} of ${before.length}`);
    }
    t.is(words.length, [...code.matchAll(/amount|tortoise|pixel|jobs|state|extends/g)].length);
    t.deepEqual([payload.sources, payload.sourcesContent], [['m.ts'], [code]]);
  }
});

test('transform: kinds of functions that cannot be elastic are refused, with the reason', async (t) => {
  const refused = {
    'export function* f() { %; yield 1; }': 'a generator',
    'export function f() { %; }': 'async',
    'export const o = { get f() { %; return 1; } };': 'getter',
    'export class C { async f() { %; } }': "'this'",
    'export class C { static async #f() { %; } }': 'private',
    'export class C { constructor() { %; } }': 'constructor',
    'export class C { static set f(v) { %; } }': 'setter',
    'export async function f() { %; } export namespace f { export const x = 1; }': 'a namespace too',
  };

  for (const [code, reason] of Object.entries(refused)) {
    const findings = (await transform(code.replace('%', `'use elastic'`), 'm.ts', { side: 'device' }))?.findings ?? [];
    t.deepEqual(
      findings.map((finding) => finding.code),
      ['GW2004'],
      code,
    );
    t.true(findings[0]?.message.includes(reason), `${code}: ${findings[0]?.message}`);
  }
});
