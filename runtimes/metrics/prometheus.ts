import type { Histogram, Metric, Point } from './node-metrics.js';

/** `content-type` of {@link formatMetrics}. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

/** By UCUM; what is counted in braces has none. */
const unitWords: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' };

/**
 * Metrics as Prometheus reads them: 'godwit.link.sent' in bytes is the counter `godwit_link_sent_bytes_total`.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function formatMetrics(metrics: ReadonlyArray<Metric | Histogram>): string {
  return metrics.map((metric) => `${family(metric)}\n`).join('');
}

function family(metric: Metric | Histogram): string {
  const base = `${metric.name.replaceAll('.', '_')}${unitWords[metric.unit] ?? ''}`;
  const name = metric.kind === 'counter' ? `${base}_total` : base;
  const head = [`# HELP ${name} ${escaped(metric.description)}`, `# TYPE ${name} ${metric.kind}`];
  const samples = metric.kind === 'histogram' ? bucketsOf(name, metric) : metric.points.map(({ labels, value }) => sample(name, labels, value));
  return [...head, ...samples].join('\n');
}

/** Each bucket counts what is in those below it too. */
function bucketsOf(name: string, { labels, bounds, counts, sum }: Histogram): string[] {
  let count = 0;
  const buckets = counts.map((own, index) => {
    count += own;
    return sample(`${name}_bucket`, { ...labels, le: number(bounds[index] ?? Number.POSITIVE_INFINITY) }, count);
  });
  return [...buckets, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count)];
}

function sample(name: string, labels: Point['labels'], value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`);
  return `${name}{${pairs.join(',')}} ${number(value)}`;
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
