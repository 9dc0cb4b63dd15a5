import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { replay } from './replay.test-support.js';

const folder = new URL('../../../verification/model/traces/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));
const linesOf = (name: string) => readFileSync(new URL(name, folder), 'utf8').trim().split('\n');

for (const name of names) {
  test(`migration: the machines do what the model does, ${name}`, (t) => {
    t.notThrows(() => replay(linesOf(name)));
  });
}

test('migration: the traces of the model go through every phase of a move and a takeover', (t) => {
  const all = names.flatMap(linesOf).join('\n');

  for (const word of [
    'committed',
    'givenUp',
    'superseded',
    'done',
    'running',
    'ended',
    'fenced',
    'handedOver',
    'fetching',
    'restoring',
    'deliverCompete',
    'deliverStable',
    'deliverGrant',
    'overdue',
    'crash',
    'perish',
    'deliverGone',
  ])
    t.true(all.includes(word), word);
});

test('migration replay: notices a trace that the machines do not follow', (t) => {
  const name = names.find((other) => linesOf(other).some((line) => line.includes(' committed '))) ?? '';
  const lines = linesOf(name);
  const at = lines.findIndex((line) => line.includes(' committed '));
  const mutated = (change: (line: string) => string) => lines.map((line, k) => (k === at ? change(line) : line));

  t.throws(() => replay(mutated((line) => line.replace(/run \d/, 'run 7'))), { message: new RegExp(`^line ${at + 1} `) });
  t.throws(() => replay(mutated((line) => line.replace(' committed ', ' proposing '))), { message: new RegExp(`^line ${at + 1} `) });
  t.throws(() => replay(mutated((line) => line.replace(/^\S+ \d+/, 'deliverStable 9'))), { message: /sent no such message/ });
  t.throws(() => replay(lines.filter((_, k) => k !== at)), { message: /^line / });
});
