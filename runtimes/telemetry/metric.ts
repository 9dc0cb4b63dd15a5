/** What can be measured, with its unit. @public */
export const metricUnits = {
  /** Share of all cores that was busy since the last reading, 0 to 1. */
  cpu: 'fraction',
  /** Share of memory that is not available, 0 to 1. */
  memory: 'fraction',
  /** Hottest thermal zone. */
  temperature: '°C',
  /** Drawn by the machine, or by its battery while it discharges. */
  power: 'W',
  /** Charge left, 0 to 1. */
  battery: 'fraction',
  /** Share of the GPU that was busy, 0 to 1. */
  gpu: 'fraction',
  /** Sent and received over all network interfaces but loopback since the last reading. */
  networkSent: 'bytes/s',
  networkReceived: 'bytes/s',
  /** Round trip of the best link. */
  linkRtt: 'ms',
} as const;

/** Name of a metric. @public */
export type MetricName = keyof typeof metricUnits;

/** One metric at one moment: a number in the metric's unit, or the reason why there is none. @public */
export type Reading = Readonly<
  { metric: MetricName; unit: string; atMs: number } & (
    | { value: number; simulated: boolean; unavailable?: undefined }
    | { value?: undefined; unavailable: string }
  )
>;

/** The newest reading of each metric. @public */
export type Readings = ReadonlyMap<MetricName, Reading>;

/** Where metrics come from. */
export interface MetricSource {
  readonly metrics: readonly MetricName[];
  /** A number or the reason for its absence, for each of `metrics`, in that order. Must not reject. @param nowMs the node's clock */
  read(nowMs: number): Promise<ReadonlyArray<number | Unavailable>>;
}

/** Why a metric has no value. */
export interface Unavailable {
  readonly unavailable: string;
}

/** The newest readings of all sources. */
export async function readMetrics(sources: readonly MetricSource[], nowMs: number): Promise<Map<MetricName, Reading>> {
  const readings = new Map<MetricName, Reading>();
  const all = await Promise.all(sources.map((source) => source.read(nowMs)));
  sources.forEach((source, index) => {
    source.metrics.forEach((metric, place) => {
      const result = all[index]?.[place] ?? { unavailable: 'its source gave nothing' };
      const head = { metric, unit: metricUnits[metric], atMs: nowMs };
      readings.set(metric, typeof result === 'number' ? { ...head, value: result, simulated: false } : { ...head, unavailable: result.unavailable });
    });
  });
  return readings;
}
