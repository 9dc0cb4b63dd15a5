// What a machine can tell about itself, on a device and on an edge alike.
export { createLinkSource } from './link-source.js';
export { createMachineSources } from './machine-sources.js';
export { type MetricName, type MetricSource, metricUnits, type Reading, type Readings, readMetrics, type Unavailable } from './metric.js';
