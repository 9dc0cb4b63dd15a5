// What a node counts, for whoever reads it: Prometheus by text, OpenTelemetry by its own room.
export { type Histogram, type Metric, NodeMetrics, type Point } from './node-metrics.js';
export { formatMetrics, metricsType } from './prometheus.js';
