// Compiled, not only run: a line below that should not type-check and does is an error of the build.
import test from 'ava';
import type { Definition } from '../actors/definition.js';
import { createRef } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { world } from '../testing/world.js';
import { definitionOfFunction, elastic, leadCalls } from './function.js';

const sum = elastic(async (values: readonly number[], scale = 1) => values.reduce((total, value) => total + value * scale, 0), { name: 'sum' });

async function parse(text: string): Promise<number>;
async function parse(text: string, radix: 'text'): Promise<string>;
async function parse(text: string, radix?: 'text'): Promise<number | string> {
  return radix === undefined ? Number(text) : text;
}
const overloaded = elastic(parse);
const generic = elastic(async <T>(values: readonly T[]): Promise<T | undefined> => values[0]);
const letters = elastic(async function* (word: string) {
  yield* word;
});

/** Never called: its types are what is tested. */
async function types(): Promise<void> {
  const total: number = await sum([1, 2], 3);
  const asNumber: number = await overloaded('1');
  const asText: string = await overloaded('1', 'text');
  const first: string | undefined = await generic(['a']);
  for await (const letter of letters('abc')) letter.charCodeAt(0);
  // @ts-expect-error the values are numbers
  await sum(['1']);
  // @ts-expect-error the result is a number
  const text: string = await sum([1]);
  // @ts-expect-error there is no such overload
  await overloaded('1', 2);
  // @ts-expect-error whoever calls it must wait, so it must be async: elsewhere nothing is there at once
  elastic((value: number) => value + 1);
  void [total, asNumber, asText, first, text];
}

test('elastic: has the type of its function (checked by the compiler), its name and its length', (t) => {
  t.is(typeof types, 'function');
  t.is(overloaded.name, 'parse');
  t.is(overloaded.length, parse.length);
  t.is(definitionOfFunction(sum)?.name, 'sum');
  t.is(definitionOfFunction(parse), undefined);
});

test('elastic: refuses what is no function', (t) => {
  t.throws(() => elastic({ name: 'f' } as never), { code: 'INVALID_ARGUMENT', message: /a function, not object/ } as never);
});

test('elastic: arguments that arrive from another node are validated; here they are the caller’s own', async (t) => {
  const seen: unknown[] = [];
  const guarded = elastic(
    async (value: number, report?: (value: number) => void) => {
      seen.push(value);
      report?.(value);
      return value;
    },
    {
      name: 'guarded',
      schema: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value) => (typeof (value as unknown[])[0] === 'number' ? { value } : { issues: [{ message: 'no number' }] }),
        },
      },
    },
  );
  const definition = definitionOfFunction(guarded);
  if (definition === undefined) return t.fail();
  const w = world({});
  const robot = w.device('robot');
  const edge = w.edge('edge', { definitions: [definition] });
  w.link(robot, edge);
  await w.advance(20);
  spawn(robot.node, definition as Definition, 'guarded');
  await w.settle(robot.move('robot/guarded', { to: 'edge' }));
  leadCalls(guarded, robot.refTo(definition as Definition, 'robot/guarded'));
  const reported: number[] = [];

  t.is(await w.settle(guarded(1)), 1);
  t.is(await w.settle(guarded(2, (value) => reported.push(value))), 2);
  for (const wrong of [guarded('3' as never), guarded('4' as never, () => {})])
    await t.throwsAsync(w.settle(wrong), { code: 'INVALID_ARGUMENT', message: /does not fit its schema: no number/ } as never);
  leadCalls(guarded, undefined);
  await w.settle(guarded('5' as never));
  t.deepEqual([seen, reported], [[1, 2, '5'], [2]]);
});

test('elastic: two signals, and functions given to a generator, are refused where it is called', async (t) => {
  const both = elastic(async (_a: AbortSignal, _b: AbortSignal) => 1, { name: 'both' });
  const each = elastic(
    async function* (_report: () => void) {
      yield 1;
    },
    { name: 'each' },
  );
  for (const fn of [both, each]) leadCalls(fn, createRef('a/b', definitionOfFunction(fn)?.protocol as never, {} as never));
  const { signal } = new AbortController();

  t.throws(() => both(signal, signal), { code: 'INVALID_ARGUMENT', message: /AbortSignal\.any/ } as never);
  t.throws(() => each(() => {}), { code: 'INVALID_ARGUMENT', message: /yield what there is to report/ } as never);
});

test('elastic: a function that only returns a generator is refused when it is called, before it ever leaves', async (t) => {
  const wrapping = elastic((word: string) => letters(word), { name: 'wrapping' });
  const wrapped = elastic(
    async function* (word: string) {
      yield* letters(word);
    },
    { name: 'wrapped' },
  );

  for (const _ of [1, 2]) t.throws(() => wrapping('ab'), { code: 'INVALID_ARGUMENT', message: /wrapping returned a generator.*'async function\*'/ } as never);
  const got: string[] = [];
  for await (const letter of wrapped('ab')) got.push(letter);
  t.deepEqual(got, ['a', 'b']);
});
