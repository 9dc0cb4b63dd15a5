import test from 'ava';
import { analyse, formatFindings } from './index.js';

/** Findings as 'CODE name', of a module that begins with the imports of both tags. */
async function findingsOf(code: string, path = 'module.ts'): Promise<string[]> {
  const { findings } = await analyse(`import { actor, elastic } from 'godwit';\n${code}`, path);
  return findings.map((finding) => [finding.code, finding.name].filter((part) => part !== undefined).join(' '));
}

/** An elastic function that captures what `use` says. */
const capturing = (use: string, before = '') => `${before}\nexport async function f(x: number) { 'use elastic'; return ${use}; }`;

test('captures: parameters, own locals, own functions and recursion are free', async (t) => {
  t.deepEqual(
    await findingsOf(`export async function f<T extends object>({ a = 1, ...rest }: { a?: number }, ...more: T[]) {
      'use elastic';
      let sum = a;
      for (const one of more) sum += Object.keys(one).length;
      const own = function (this: unknown) { return [this, arguments.length, new.target]; };
      class Own { count = 0; add() { this.count += 1; return super.toString(); } }
      try { own(); } catch (error) { sum += String(error).length; }
      return sum > 9 ? sum : f(rest, new Own());
    }`),
    [],
  );
});

test('captures: constants of the module that are the same everywhere are free', async (t) => {
  const constants = `
    import { z } from 'zod';
    const side = 64;
    const area = side * side;
    const text = \`\${side} px\`;
    const table = Object.freeze({ a: [1, { b: -2n }], c: /x/g, d: null });
    const { a } = table;
    const sizes = new Uint8Array(side).map((_, i) => i);
    const words = new Set('some words'.split(' '));
    const schema = z.object({ x: z.number() });
    const made = make(3);
    function make(n: number) { return Array.from({ length: n }, () => n); }
    const typed = { side } as const satisfies object;
    let never = 5;
    enum Colour { Red, Blue = 'blue' }
    const since = new Date(0);
  `;

  t.deepEqual(await findingsOf(capturing('[side, area, text, table, a, sizes, words, schema, made, typed, never, Colour.Red, since, x]', constants)), []);
});

test('captures: functions and classes of the module are free if what they capture is', async (t) => {
  t.deepEqual(
    await findingsOf(
      capturing(
        'even(x) && new Box(x).twice',
        `const even = (n: number): boolean => n === 0 || odd(n - 1); function odd(n: number): boolean { return n !== 0 && even(n - 1); } class Box { constructor(readonly n: number) {} get twice() { return factor * this.n; } } const factor = 2;`,
      ),
    ),
    [],
  );
  t.deepEqual(
    await findingsOf(
      capturing('first(x)', 'let n = 0; const first = (x: number) => second(x); function second(x: number) { return third() + x; } const third = () => n++;'),
    ),
    ['GW1001 n'],
  );
  t.deepEqual(await findingsOf(capturing('new Box(x)', 'let n = 0; class Box { constructor(readonly x: number) { n += x; } }')), ['GW1001 n']);
});

test('captures: a variable that is assigned is refused at the place of its use, and the way to it is told', async (t) => {
  const { findings } = await analyse(
    `let n = 0;\nconst bump = () => {\n  n += 1;\n};\nexport async function f() {\n  'use elastic';\n  bump();\n}\n`,
    'src/f.ts',
  );

  t.is(
    formatFindings(findings),
    `src/f.ts:3:3: GW1001: elastic function 'f' captures 'n' by way of 'bump', which changes (line 3)

  1 | let n = 0;
  2 | const bump = () => {
> 3 |   n += 1;
    |   ^
  4 | };

  fix: keep it in the state of an actor, or pass it as a parameter
  see: docs/errors/GW1001.md`,
  );
  t.deepEqual(JSON.parse(JSON.stringify(findings)), findings);
});

test('captures: an object that the module changes is refused, however it does', async (t) => {
  for (const change of [
    'o.a = 1',
    'o.a.b++',
    'delete o.a',
    '[o.a] = [1]',
    '({ x: o.a } = { x: 1 })',
    'o.a.push(1)',
    'o?.set(1)',
    'Object.assign(o, {})',
    '(o as any).a ||= 1',
    'for (o.a of []) {}',
  ]) {
    t.deepEqual(await findingsOf(capturing('o', `const o: any = {}; ${change};`)), ['GW1003 o'], change);
  }
  t.deepEqual(await findingsOf(capturing('[o.a, o.get(1), Object.keys(o), copy.push(1)]', 'const o: any = {}; const copy: any = [...o];')), ['GW1003 copy']);
  t.deepEqual(
    await findingsOf(capturing('Counter.next()', 'class Counter { static n = 0; static add() {} static next() { return Counter.n++; } } Counter.add();')),
    ['GW1003 Counter'],
  );
  t.deepEqual(await findingsOf(capturing('cache.set({}, 1)', 'const cache = new WeakMap();')), []);
});

test('captures: an object that changes itself is refused', async (t) => {
  const changing = [
    'const o = { n: 0, next() { return this.n++; } };',
    'const o = { items: [] as number[], keep: function (x: number) { [1].map(() => this.items.push(x)); } };',
    'class Counter { n = 0; next() { this.n += 1; } } const o = new Counter();',
    'class Cache { #kept = new Map(); keep = () => this.#kept.set(1, 1); } const o = new Cache();',
    'class o { static #kept = new Map(); static keep() { this.#kept.set(1, 1); } }',
    'const counter = () => { let n = 0; return () => n++; }; const o = counter();',
    'function memoize(f: (x: number) => number) { const kept = new Map(); return (x: number) => kept.get(x) ?? kept.set(x, f(x)); } const o = memoize((x) => x);',
    'const o = (() => { let n = 0; return { next: () => ++n }; })();',
  ];
  const steady = [
    'const o = { n: 1, twice() { return { ...this, n: this.n * 2 }; } };',
    'class Point { constructor(readonly x: number) { this.x = x; } scaled(by: number) { const p = { x: 0 }; p.x = this.x * by; return p; } } const o = new Point(1);',
    'const table = () => { const t = []; for (let i = 0; i < 9; i++) t.push(i); return t; }; const o = table();',
    'const scaled = (by: number) => (x: number) => { let y = x; y *= by; return y; }; const o = scaled(2);',
  ];

  for (const code of changing) t.deepEqual(await findingsOf(capturing('o', code)), ['GW1003 o'], code);
  for (const code of steady) t.deepEqual(await findingsOf(capturing('o', code)), [], code);
});

test('captures: what differs from host to host is refused, also where a function of the module computes it', async (t) => {
  for (const value of [
    'Date.now()',
    'new Date()',
    '{ id: [Math.random()] }',
    'performance.now()',
    'await thing',
    'stamp()',
    'new Stamped()',
    '[1].map(() => Math.random())',
  ]) {
    t.deepEqual(
      await findingsOf(
        capturing(
          'v',
          `import { thing } from './thing.js'; const stamp = () => inner(); function inner() { return Date.now(); } class Stamped { at = Date.now(); } const v = ${value};`,
        ),
      ),
      ['GW1004 v'],
      value,
    );
  }
  t.deepEqual(await findingsOf(capturing('v.now()', 'const v = { now: () => Date.now() };')), []);
  t.deepEqual(await findingsOf(capturing('Date.now() + Math.random()')), []);
});

test('captures: a function that tells time or chance is free, only what it told is not', async (t) => {
  for (const value of ['Date.now', '{ random: Math.random }', 'performance.now.bind(performance)', 'class { at = Date.now(); }']) {
    t.deepEqual(await findingsOf(capturing('v', `const v = ${value};`)), [], value);
  }
  for (const value of [
    'clock()',
    '[1].map(Math.random)',
    'Date?.now()',
    'Date.now.call(Date)',
    'Date()',
    'performance.timeOrigin',
    'class { static at = Date.now(); }',
  ]) {
    t.deepEqual(await findingsOf(capturing('v', `const clock = Date.now; const v = ${value};`)), ['GW1004 v'], value);
  }
  t.deepEqual(await findingsOf(capturing('Colour.Red', 'enum Colour { Red = Date.now() }')), ['GW1004 Colour']);
  t.deepEqual(await findingsOf(capturing('new Box()', 'class Box { at = Date.now(); }')), []);
});

test('captures: the variables of a namespace follow the rules of those of the module', async (t) => {
  const next = 'export function next() { return ++n; }';

  t.deepEqual(await findingsOf(capturing('Ids.next()', `namespace Ids { let n = 0; ${next} }`)), ['GW1001 n']);
  t.deepEqual(await findingsOf(capturing('Ids.Deep.next()', `namespace Ids { export namespace Deep { let n = 0; ${next} } }`)), ['GW1001 n']);
  t.deepEqual(await findingsOf(capturing('Ids.seen', 'namespace Ids { export const seen = new Set(); seen.add(1); }')), ['GW1003 seen']);
  t.deepEqual(await findingsOf(capturing('Ids.at', 'namespace Ids { export const at = Date.now(); }')), ['GW1004 Ids']);
  t.deepEqual(
    await findingsOf(
      capturing('Ids.twice(x)', 'namespace Ids { const by = 2; let n = by; export const twice = (x: number) => { let y = x; y *= n; return y; }; }'),
    ),
    [],
  );
});

test('captures: a method of the module may be called what changes a collection', async (t) => {
  const add = (body: string) =>
    `class V { constructor(readonly x: number) {} add(o: V): V { ${body} } } const ORIGIN = new V(0); const o = { set: (x: number) => x };`;

  t.deepEqual(await findingsOf(capturing('[ORIGIN.add(x as never), o.set(x)]', add('return new V(this.x + o.x);'))), []);
  t.deepEqual(await findingsOf(capturing('ORIGIN.add(x as never)', add('(this as any).x += o.x; return this;'))), ['GW1003 ORIGIN']);
  t.deepEqual(await findingsOf(capturing('seen.add(x)', 'class Seen extends Set<number> {} const seen = new Seen();')), ['GW1003 seen']);
});

test('captures: what a call brings is refused', async (t) => {
  for (const [use, name] of [
    ['this', 'this'],
    ['(() => this)()', 'this'],
    ['new.target', 'new.target'],
    ['arguments.callee', 'arguments.callee'],
  ]) {
    t.deepEqual(await findingsOf(capturing(use)), [`GW1005 ${name}`], use);
  }
  t.deepEqual(await findingsOf(`export const o = { async f() { 'use elastic'; return super.toString(); } };`), ['GW1005 super']);
  t.deepEqual(await findingsOf(`export const f = elastic(async () => arguments.length);`), ['GW1007 arguments']);
  t.deepEqual(await findingsOf(`const on = { go() { return this; } }; export const A = actor('a', { state: () => 0, on });`), ['GW1005 this']);
});

test('captures: import.meta is refused, but for the source of a definition', async (t) => {
  t.deepEqual(
    await findingsOf(
      `const source = import.meta.url; export const f = elastic(async () => 1, { source }); export const A = actor('a', { source, state: () => 0, on: {} });`,
    ),
    [],
  );
  t.deepEqual(await findingsOf(capturing('({ source })', 'const source = import.meta.url;')), ['GW1006 import.meta']);
  t.deepEqual(await findingsOf(capturing('import.meta.url')), ['GW1006 import.meta']);
  t.deepEqual(await findingsOf(`const options = () => ({ source: import.meta.url, state: () => 0, on: {} }); export const A = actor('a', options());`), []);
});

test('captures: globals of the DOM and of Node are refused, those of a guest are free', async (t) => {
  for (const name of [
    'window',
    'document',
    'process',
    'Buffer',
    'require',
    '__dirname',
    'localStorage',
    'fetch',
    'setTimeout',
    'crypto',
    'structuredClone',
    'eval',
    'nowhere',
  ]) {
    t.deepEqual(await findingsOf(capturing(`${name}(x, ${name})`)), [`GW1007 ${name}`], name);
  }
  t.deepEqual(await findingsOf(capturing('globalThis.process.env')), ['GW1007 globalThis.process']);
  t.deepEqual(await findingsOf(capturing('(globalThis.count = x)')), ['GW1003 globalThis']);
  t.deepEqual(await findingsOf(capturing('injected', 'declare const injected: number;')), ['GW1007 injected']);
  t.deepEqual(
    await findingsOf(capturing("typeof window === 'undefined' ? new Map([[x, JSON.stringify(undefined)]]) : console.log(new AbortController())")),
    [],
  );
});

test('captures: a static method may use its own class, unless that changes', async (t) => {
  const method = (use: string, rest = '') => `static readonly gain = 2; ${rest} static async f(x: number): Promise<number> { 'use elastic'; return ${use}; }`;

  for (const use of ['Filters.gain * x', 'x > 0 ? Filters.f(x - 1) : 0']) {
    t.deepEqual(await findingsOf(`export class Filters { ${method(use)} }`), [], use);
    t.deepEqual(await findingsOf(`export const Tools = class Filters { ${method(use)} };`), [], use);
  }
  t.deepEqual(await findingsOf(`export class Filters { ${method('Filters.count++', 'static count = 0;')} }`), ['GW1003 Filters']);
  t.deepEqual(await findingsOf(`export const Tools = class Filters { ${method('Filters.count++', 'static count = 0;')} };`), ['GW1003 Tools']);
  t.deepEqual(await findingsOf(`export class Filters { ${method('Filters.folder', 'static folder = process.cwd();')} }`), ['GW1007 process']);
  t.deepEqual(await findingsOf(`export function outer() { return class Filters { ${method('Filters.gain')} }; }`), ['GW1002 Filters']);
});

test('captures: what TypeScript imports by = is what it stands for', async (t) => {
  const deep = 'let n = 0; namespace Deep { export namespace Er { export const k = 1; } export const next = () => n; }';

  t.deepEqual(await findingsOf(capturing('Er.k', `${deep} import Er = Deep.Er;`)), []);
  t.deepEqual(await findingsOf(capturing('next()', `${deep} n++; import next = Deep.next;`)), ['GW1001 n']);
  t.deepEqual(await findingsOf(capturing('fs.readFileSync(x)', `import fs = require('node:fs');`)), ['GW1008 fs']);
  t.deepEqual(await findingsOf(capturing('x', `import fs = require('node:fs');`)), []);
});

test('captures: imports are free, but for what only Node or a device has', async (t) => {
  t.deepEqual(await findingsOf(capturing('[a(x), b.c, d]', `import a, { d } from './a.js'; import * as b from 'b';`)), []);
  t.deepEqual(await findingsOf(capturing('readFileSync(join(x))', `import { readFileSync } from 'node:fs'; import { join } from 'path';`)), [
    'GW1008 readFileSync',
    'GW1008 join',
  ]);
  t.deepEqual(await findingsOf(capturing("import('./late.js')")), []);
  t.deepEqual(await findingsOf(capturing("[import('node:fs'), import(x)]")), ['GW1008 import()', 'GW1008 import()']);
  t.deepEqual(await findingsOf(capturing('startDevice()', `import { startDevice } from 'godwit/device';`)), ['GW1008 startDevice']);
});

test('captures: types capture nothing', async (t) => {
  t.deepEqual(
    await findingsOf(`import type { Stats } from 'node:fs'; import { type Dirent } from 'node:fs'; let n = 0; n++;
    interface State { size: Stats; n: typeof n } type Doc = Document;
    export async function f<T extends State>(x: T, y: typeof n, doc: Doc | HTMLElement): Promise<Dirent[]> { 'use elastic'; return [x, y as typeof n, doc] as never; }`),
    [],
  );
});

test('captures: a function inside another one is refused with each name that it captures', async (t) => {
  t.deepEqual(await findingsOf(`export function outer(gain: number) { const bias = 1; return elastic(async (x: number) => x * gain + bias); }`), [
    'GW1002 gain',
    'GW1002 bias',
  ]);
  t.deepEqual(await findingsOf(`{ const bias = 1; async function f(x: number) { 'use elastic'; return x + bias; } }`), ['GW1002 bias']);
  t.deepEqual(await findingsOf(`export function outer() { async function inner(x: number) { 'use elastic'; return x; } return inner; }`), ['GW2001']);
});

test('captures: handlers, state, schema and supervision of a definition follow the same rules', async (t) => {
  t.deepEqual(
    await findingsOf(`let n = 0; n++;
      export const A = actor('a', { state: () => ({ n }), on: { go: (state: { n: number }) => process.exit(state.n) }, schema: { go: document }, supervise: { decide: () => fetch('x') } });`),
    ['GW1001 n', 'GW1007 process', 'GW1007 document', 'GW1007 fetch'],
  );
});

test('captures: a factory of definitions may capture its parameters, not what changes; one without a source stays where it is', async (t) => {
  const factory = (body: string, source: string) =>
    `let n = 0; n++; const make = (name: string, size: number) => actor(name, { ${source} state: () => ${body}, on: {} }); export const A = make('a', 3);`;

  t.deepEqual(await findingsOf(factory('size', 'source: import.meta.url,')), []);
  t.deepEqual(await findingsOf(factory('n', 'source: import.meta.url,')), ['GW1001 n']);
  t.deepEqual(await findingsOf(factory('n', '')), []);
});

test('names: actors and functions of a module share one room; versions of an actor share a name', async (t) => {
  t.deepEqual(await findingsOf(`export async function map() { 'use elastic'; } export const A = actor('map', { state: () => 0, on: {} });`), ['GW2003 map']);
  t.deepEqual(
    await findingsOf(`export const A = actor('map', { state: () => 0, on: {} }); export const B = actor('map', { version: 2, state: () => 0, on: {} });`),
    [],
  );
});

test('captures: a definition that names its source is kept under a name', async (t) => {
  t.deepEqual(await findingsOf(`export const all = [actor('a', { source: import.meta.url, state: () => 0, on: {} })];`), ['GW2002']);
  t.deepEqual(await findingsOf(`export const all = Object.freeze({ A: actor('a', { source: import.meta.url, state: () => 0, on: {} }) });`), []);
  t.deepEqual(await findingsOf(`export const all = [actor('a', { state: () => 0, on: {} })];`), []);
});

test('captures: what is tagged itself may be captured by the others', async (t) => {
  t.deepEqual(
    await findingsOf(`const half = elastic(async (x: number) => x / 2); export async function f(x: number) { 'use elastic'; return half(x); }
      const Child = actor('child', { state: () => 0, on: {} }); export const A = actor('a', { state: () => 0, on: { go: (s: number, p: number, ctx: any) => ctx.child(Child, f) } });`),
    [],
  );
});

test('captures: compiled enums and functions in compiled code are what they were', async (t) => {
  const compiled = `export var Colour; (function (Colour) { Colour[Colour["Red"] = 0] = "Red"; })(Colour || (Colour = {}));`;

  t.deepEqual(await findingsOf(`${compiled} export async function f(x) { 'use elastic'; return Colour.Red + x; }`, 'f.js'), []);
});

test('captures: what godwit/nact makes of functions follows the rules of definitions', async (t) => {
  const code = (use: string) => `import { dispatch, stateful, stateless } from 'godwit/nact'; let seen = 0;
    const count = function (state = 0, message: { sender: any }) { dispatch(message.sender, [state, ${use}]); return state + 1; };
    export const Count = stateful('count', count, { initialState: 0, onCrash: () => ${use} });
    const Echo = stateless('echo', (message: number) => message, { source: import.meta.url });`;

  t.deepEqual(await findingsOf(code('this')), ['GW1005 this'], 'of the options, not of the function, which is called with its context');
  t.deepEqual(await findingsOf(code('++seen')), ['GW1001 seen']);
  const { definitions } = await analyse(code('state'), 'm.ts');
  t.deepEqual(
    definitions.map(({ name, exportName }) => [name, exportName]),
    [
      ['count', 'Count'],
      ['echo', 'godwit$Echo'],
    ],
  );
});

test('captures: what is written about an import does not hide its tags', async (t) => {
  const { findings } = await analyse(
    `import {\n  actor, // what doesn't move stays\n} from 'godwit';\nlet n = 0;\nexport const A = actor('a', { state: () => 0, on: { go: () => ++n } });`,
    'm.ts',
  );

  t.deepEqual(
    findings.map(({ code }) => code),
    ['GW1001'],
  );
});

test('captures: only what is imported from godwit is a tag', async (t) => {
  const { definitions, elasticFunctions } = await analyse(
    `import * as godwit from 'godwit'; import { actor as define } from 'godwit'; import { elastic } from './own.js'; let n = 0; n++;
     export const A = godwit.actor('a', { state: () => 0, on: {} }); const B = define('b', {}); const own = elastic(() => n); function actor() {} actor('c', { n });`,
    'a.ts',
  );

  t.deepEqual(
    definitions.map(({ name, exportName }) => [name, exportName]),
    [
      ['a', 'A'],
      ['b', 'godwit$B'],
    ],
  );
  t.deepEqual(elasticFunctions, []);
});

test('findings: places are right behind emoji, tabs and lines of Windows, in TSX too', async (t) => {
  const { findings } = await analyse(
    `const s = '🐢';\r\n\texport const v = <b>{s}</b>; export async function f() { 'use elastic'; return ['🐢', process]; }`,
    'f.tsx',
  );

  t.like(findings, { length: 1, 0: { line: 2, column: 88, endColumn: 95, name: 'process' } });
  t.is(findings[0]?.frame.split('\n').at(-1), `    | \t${' '.repeat(86)}^^^^^^^`);
});

test('findings: the frame of a long line shows the place, and what is cut', async (t) => {
  const filler = `/* ${'x'.repeat(300)} */`;
  const frames = async (code: string) => (await analyse(code, 'f.js')).findings.map(({ frame }) => frame.split('\n'));

  const [[far, under] = []] = await frames(`${filler} export async function f() { 'use elastic'; return [process, ${filler}]; }`);
  t.is(far?.indexOf('process'), under?.indexOf('^^^^^^^'));
  t.true(far?.startsWith('> 1 | … function f()') && far.endsWith('xx…') && far.length < 180, far);

  const [[near, below] = []] = await frames(`export async function f() { 'use elastic'; return [process, ${filler}]; }`);
  t.is(near?.indexOf('process'), below?.indexOf('^^^^^^^'));
  t.true(near?.startsWith('> 1 | export async') && near.endsWith('xx…'), near);

  const [[wide, long] = []] = await frames(`export async function f() { 'use elastic'; return process${'x'.repeat(300)}; }`);
  t.is(long?.length, wide?.length, 'no further than the line is shown');
});

test('findings: a file that does not parse is one', async (t) => {
  t.deepEqual(
    (await analyse(`async function f( { 'use elastic' }`, 'f.ts')).findings.map(({ code, line }) => [code, line]),
    [['GW2005', 1]],
  );
});
