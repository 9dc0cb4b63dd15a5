import test from 'ava';
import { judge, summaryOf, tableOf, type Verdict } from './judgement.js';
import { ablations, base, type Run } from './runs.js';

const protocol: Run = { name: 'as it is', moves: 1, settings: 'HOME=0' };
const ablation: Run = { name: 'a rule', moves: 1, settings: 'HOME=0 NO_WAIT=1', breaks: 'I1' };
const nothing: Verdict = { states: 7, seconds: 0.1, error: undefined };
const found = (what: string): Verdict => ({ states: 7, seconds: 0.1, error: { what: `assertion violated ${what} (at depth 9)`, trail: ['a', 'b'] } });

test('model: the protocol passes when spin finds nothing, and fails by any error', (t) => {
  t.true(judge(protocol, nothing).asExpected);
  const { asExpected, result } = judge(protocol, found('(I5||!(ranWithout))'));

  t.false(asExpected);
  t.is(result, 'WRONG: I5 broken after 2 steps, expected no error');
});

test('model: an ablation that finds nothing fails', (t) => {
  const row = judge(ablation, nothing);

  t.false(row.asExpected);
  t.is(row.result, 'WRONG: no error, expected I1 broken');
  t.deepEqual(summaryOf([judge(protocol, nothing), row]), { line: 'model: 1 of 2 runs NOT as expected', passed: false });
});

test('model: an ablation passes only by the invariant it breaks, not by another or by the bounds of the model', (t) => {
  t.true(judge(ablation, found('(I1||(((live[0]&&1))))')).asExpected);
  t.false(judge(ablation, found('(I5||(((live[0]&&1))))')).asExpected);
  t.false(judge(ablation, found('(BOUNDS||((reg<13)))')).asExpected);
  t.false(judge(ablation, { ...nothing, error: { what: 'a trail without a word', trail: [] } }).asExpected);
});

test('model: no run at all is a failure', (t) => {
  t.false(summaryOf([]).passed);
});

test('model: the table names ablations as such, and is aligned', (t) => {
  const lines = tableOf([judge(protocol, nothing), judge(ablation, found('(I1||x)'))]);

  t.is(lines[0], 'as it is                7 states     0.1 s  no error');
  t.is(lines[1], 'without: a rule         7 states     0.1 s  I1 broken after 2 steps');
});

test('model: the runs have names of their own, and each ablation breaks an invariant of the protocol', (t) => {
  const runs = [...base, ...ablations];

  t.is(new Set(runs.map(({ name }) => name)).size, runs.length);
  t.true(base.length > 0 && base.every(({ breaks }) => breaks === undefined));
  t.true(ablations.length > 0 && ablations.every(({ breaks }) => /^I\d$/.test(breaks ?? '')));
});
