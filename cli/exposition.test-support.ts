// Prometheus' text format, read as strictly as its specification allows: anything else is an error.
import { GodwitError } from '#core';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const sampleForm = new RegExp(`^(${metricName})(?:\\{(${label}(?:,${label})*)?\\})? (\\S+)$`);
const numberForm = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/** @throws {GodwitError} DATA_LOSS naming the line that is wrong */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n') || text.includes('\r')) throw wrong(text.slice(-20), 'every line ends with a line feed');
  const families = new Map<string, Family>();
  const lines = text.slice(0, -1).split('\n');
  let current: Family | undefined;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index];
    const help = new RegExp(`^# HELP (${metricName}) ((?:[^\\\\]|\\\\[\\\\n])+)$`).exec(line);
    if (help !== null) {
      const [, name = '', said = ''] = help;
      const type = new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`).exec(lines[++index] ?? '')?.[1];
      if (type === undefined || families.has(name)) throw wrong(line, 'a family has one HELP and one TYPE, in this order');
      current = { name, type, help: said, samples: [] };
      families.set(name, current);
      continue;
    }
    current?.samples.push(sampleFrom(line, current));
    if (current === undefined) throw wrong(line, 'a sample belongs to a family');
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

/** The one value of a family, or the one with these labels. */
export function sampleOf(families: ReadonlyMap<string, Family>, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const found = families.get(name)?.samples.filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value)) ?? [];
  if (found.length > 1) throw wrong(name, 'more than one value');
  return found[0]?.value;
}

function sampleFrom(line: string, { name, type }: Family): Sample {
  const match = sampleForm.exec(line);
  if (match === null || !numberForm.test(match[3] ?? '')) throw wrong(line, 'no sample');
  const suffix = (match[1] ?? '').slice(name.length);
  if (!match[1]?.startsWith(name) || !(type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).includes(suffix)) throw wrong(line, `not of ${name}`);
  const pairs = [...(match[2] ?? '').matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', value = '']) => [key, value] as const);
  if (new Set(pairs.map(([key]) => key)).size !== pairs.length) throw wrong(line, 'a label twice');
  return { name: match[1], labels: Object.fromEntries(pairs), value: Number((match[3] ?? '').replace('Inf', 'Infinity')) };
}

function checkFamily({ name, type, samples }: Family): void {
  const keys = samples.map(({ labels, ...sample }) =>
    [
      sample.name,
      ...Object.keys(labels)
        .sort()
        .map((key) => `${key}=${labels[key]}`),
    ].join(),
  );
  if (new Set(keys).size !== keys.length) throw wrong(name, 'a sample twice');
  if ((type === 'counter') !== name.endsWith('_total')) throw wrong(name, 'counters, and no others, end in _total');
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw wrong(name, 'counts from 0 up');
  if (type !== 'histogram') return;
  const buckets = samples.filter((sample) => sample.name.endsWith('_bucket'));
  const bounds = buckets.map(({ labels }) => Number((labels.le ?? '').replace('Inf', 'Infinity')));
  const ascend = (numbers: readonly number[], strictly: boolean) =>
    numbers.every((number, index) => index === 0 || (strictly ? number > Number(numbers[index - 1]) : number >= Number(numbers[index - 1])));
  const counts = buckets.map(({ value }) => value);
  const count = samples.find((sample) => sample.name === `${name}_count`)?.value;
  if (!ascend(bounds, true) || bounds.at(-1) !== Number.POSITIVE_INFINITY || !ascend(counts, false) || counts.at(-1) !== count)
    throw wrong(name, 'buckets ascend, count what is below them too, and end with all');
  if (!samples.some((sample) => sample.name === `${name}_sum`)) throw wrong(name, 'a histogram has a sum');
}

function wrong(what: string, why: string): GodwitError {
  return new GodwitError('DATA_LOSS', `no exposition: ${why}: ${what}`);
}
