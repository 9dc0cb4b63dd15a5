import type { LinuxFiles } from './linux-files.js';
import type { MetricSource, Unavailable } from './metric.js';

const thermal = 'sys/class/thermal';
const supplies = 'sys/class/power_supply';

/**
 * Temperature, power, battery and GPU load from the kernel's device classes.
 * @see https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-power, sysfs-class-thermal
 */
export function createEnergySource(files: LinuxFiles): MetricSource {
  return {
    metrics: ['temperature', 'power', 'battery', 'gpu'],
    async read() {
      const batteries = await batteriesOf(files);
      return Promise.all([temperature(files), power(files, batteries), battery(files, batteries), gpu(files)]);
    },
  };
}

async function temperature(files: LinuxFiles): Promise<number | Unavailable> {
  const zones = (await files.names(thermal)).filter((name) => name.startsWith('thermal_zone'));
  const degrees = present(await Promise.all(zones.map((zone) => files.number(`${thermal}/${zone}/temp`))));
  return degrees.length === 0 ? { unavailable: `no thermal zone in /${thermal}` } : Math.max(...degrees) / 1000;
}

async function batteriesOf(files: LinuxFiles): Promise<string[]> {
  const names = await files.names(supplies);
  const types = await Promise.all(names.map((name) => files.text(`${supplies}/${name}/type`).catch(() => '')));
  return names.filter((_, index) => types[index] === 'Battery');
}

async function battery(files: LinuxFiles, batteries: readonly string[]): Promise<number | Unavailable> {
  const percents = present(await Promise.all(batteries.map((name) => files.number(`${supplies}/${name}/capacity`))));
  if (percents.length === 0) return { unavailable: `no battery in /${supplies}` };
  return percents.reduce((sum, n) => sum + n, 0) / percents.length / 100;
}

/** `power_now` in µW, else `current_now` (µA) times `voltage_now` (µV), summed over the batteries. */
async function power(files: LinuxFiles, batteries: readonly string[]): Promise<number | Unavailable> {
  const watts = await Promise.all(
    batteries.map(async (name) => {
      const direct = await files.number(`${supplies}/${name}/power_now`);
      if (direct !== undefined) return direct / 1e6;
      const current = await files.number(`${supplies}/${name}/current_now`);
      const voltage = await files.number(`${supplies}/${name}/voltage_now`);
      return current === undefined || voltage === undefined ? undefined : Math.abs(current * voltage) / 1e12;
    }),
  );
  const known = present(watts);
  return known.length === 0 ? { unavailable: `no power meter in /${supplies}` } : known.reduce((sum, n) => sum + n, 0);
}

/** NVIDIA Jetson in thousandths, AMD in hundredths. */
const gpuLoads: ReadonlyArray<readonly [path: string, full: number]> = [
  ['sys/devices/gpu.0/load', 1000],
  ['sys/devices/platform/gpu.0/load', 1000],
  ['sys/class/drm/card0/device/gpu_busy_percent', 100],
];

async function gpu(files: LinuxFiles): Promise<number | Unavailable> {
  for (const [path, full] of gpuLoads) {
    const load = await files.number(path);
    if (load !== undefined) return load / full;
  }
  return { unavailable: 'no GPU load counter of a Jetson or AMD GPU in /sys' };
}

function present(values: ReadonlyArray<number | undefined>): number[] {
  return values.filter((value) => value !== undefined);
}
