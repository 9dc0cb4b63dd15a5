import type * as Api from '@opentelemetry/api';
import type { NodeMetrics, Point } from '../metrics/index.js';

/** Lets the meter provider that the process has registered read the metrics of a node. @returns ends that */
export function exportMetrics(api: typeof Api, metrics: NodeMetrics): () => void {
  const meter = api.metrics.getMeter('godwit');
  const observed = new Map<string, Api.Observable>();
  let stopStalls = () => {};
  for (const metric of metrics.collect()) {
    const { name, unit, description } = metric;
    if (metric.kind === 'histogram') {
      const histogram = meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...metric.bounds] } });
      stopStalls = metrics.onStall((seconds, labels) => histogram.record(seconds, attributesFrom(labels)));
    } else {
      observed.set(
        name,
        metric.kind === 'counter' ? meter.createObservableCounter(name, { unit, description }) : meter.createObservableGauge(name, { unit, description }),
      );
    }
  }
  const observe = (result: Api.BatchObservableResult) => {
    for (const metric of metrics.collect()) {
      const instrument = observed.get(metric.name);
      if (instrument === undefined || metric.kind === 'histogram') continue;
      for (const { labels, value } of metric.points) result.observe(instrument, value, attributesFrom(labels));
    }
  };
  const instruments = [...observed.values()];
  meter.addBatchObservableCallback(observe, instruments);
  return () => {
    stopStalls();
    meter.removeBatchObservableCallback(observe, instruments);
  };
}

function attributesFrom(labels: Point['labels']): Api.Attributes {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [`godwit.${label}`, value]));
}
