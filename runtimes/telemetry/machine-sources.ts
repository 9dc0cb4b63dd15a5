import { createEnergySource } from './energy-source.js';
import { LinuxFiles } from './linux-files.js';
import type { MetricSource } from './metric.js';
import { createNetworkSource } from './network-source.js';
import { createProcessorSource } from './processor-source.js';

/** The sources of this machine. @param root where the kernel's files are; default '/', a folder of fixtures in tests @public */
export function createMachineSources(root = '/'): MetricSource[] {
  const files = new LinuxFiles(root);
  return [createProcessorSource(files), createEnergySource(files), createNetworkSource(files)];
}
