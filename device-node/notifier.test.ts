import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GodwitError } from '#core';
import { createManualClock } from '#runtimes/platform';
import { createMachineSources, type MetricSource } from '#runtimes/telemetry';
import { createNotifier } from './notifier.js';

/** A folder with the kernel files of a machine. */
function machine(t: ExecutionContext, files: Readonly<Record<string, string>>): { readonly root: string; write(path: string, text: string): void } {
  const root = mkdtempSync(join(tmpdir(), 'godwit-metrics-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return { root, write };
}

function notifierOf(t: ExecutionContext, sources: readonly MetricSource[] = []) {
  const clock = createManualClock();
  const notifier = createNotifier({ clock, sources, sampleEveryMs: 1000 });
  t.teardown(() => notifier.close());
  return { clock, notifier };
}

test('notifier: reads CPU, memory, temperature, battery, power and GPU from the kernel files of the machine', async (t) => {
  const { root, write } = machine(t, {
    'proc/stat': 'cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3 4\n',
    'proc/meminfo': 'MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    250 kB\n',
    'sys/class/thermal/thermal_zone0/temp': '48500\n',
    'sys/class/thermal/thermal_zone1/temp': '61250\n',
    'sys/class/power_supply/BAT0/type': 'Battery\n',
    'sys/class/power_supply/BAT0/capacity': '37\n',
    'sys/class/power_supply/BAT0/current_now': '1500000\n',
    'sys/class/power_supply/BAT0/voltage_now': '4000000\n',
    'sys/class/power_supply/AC/type': 'Mains\n',
    'sys/devices/gpu.0/load': '420\n',
  });
  const { clock, notifier } = notifierOf(t, createMachineSources(root));
  await notifier.sample();
  write('proc/stat', 'cpu  160 0 120 820 0 0 0 0 0 0\n');
  await clock.advance(500);

  const readings = await notifier.sample();

  t.is(readings.get('cpu')?.value, 0.8);
  t.is(readings.get('memory')?.value, 0.75);
  t.is(readings.get('temperature')?.value, 61.25);
  t.is(readings.get('battery')?.value, 0.37);
  t.is(readings.get('power')?.value, 6);
  t.is(readings.get('gpu')?.value, 0.42);
});

test('notifier: counts network bytes per second over all interfaces but loopback', async (t) => {
  const head = 'Inter-| Receive | Transmit\n face |bytes\n';
  const { root, write } = machine(t, { 'proc/net/dev': `${head}    lo: 9 0 0 0 0 0 0 0 9 0\n  eth0: 1000 0 0 0 0 0 0 0 500 0\n` });
  const { clock, notifier } = notifierOf(t, createMachineSources(root));
  await notifier.sample();
  write('proc/net/dev', `${head}    lo: 99 0 0 0 0 0 0 0 99 0\n  eth0: 3000 0 0 0 0 0 0 0 600 0\n wlan0: 0 0 0 0 0 0 0 0 400 0\n`);
  await clock.advance(500);

  const readings = await notifier.sample();

  t.is(readings.get('networkReceived')?.value, 4000);
  t.is(readings.get('networkSent')?.value, 1000);
});

test('notifier: a metric without a source is unavailable, with the reason', async (t) => {
  const { root } = machine(t, {});
  const { notifier } = notifierOf(t, createMachineSources(root));

  const readings = await notifier.sample();

  t.regex(readings.get('cpu')?.unavailable ?? '', /proc\/stat cannot be read \(ENOENT\)/);
  t.regex(readings.get('temperature')?.unavailable ?? '', /no thermal zone/);
  t.regex(readings.get('battery')?.unavailable ?? '', /no battery/);
  t.regex(readings.get('power')?.unavailable ?? '', /no power meter/);
  t.is(readings.get('battery')?.value, undefined);
});

test('notifier: samples at its interval until it is closed', async (t) => {
  let samples = 0;
  const source: MetricSource = { metrics: ['battery'], read: async () => [++samples / 10] };
  const { clock, notifier } = notifierOf(t, [source]);
  await clock.advance(2500);
  t.is(samples, 3);
  t.is(notifier.readings.get('battery')?.value, 0.3);

  notifier.close();
  await clock.advance(5000);

  t.is(samples, 3);
});

test('notifier: a value set by hand is labelled simulated, survives samples, and gives way when it is unset', async (t) => {
  const { notifier } = notifierOf(t, [{ metrics: ['battery'], read: async () => [0.9] }]);
  notifier.set('battery', 0.18);

  const during = (await notifier.sample()).get('battery');
  notifier.unset('battery');
  const after = (await notifier.sample()).get('battery');

  t.like(during, { value: 0.18, simulated: true });
  t.like(after, { value: 0.9, simulated: false });
});

test('notifier: refuses unknown metrics, values that are no numbers, and negative times', (t) => {
  const { notifier } = notifierOf(t);
  const codeOf = (act: () => unknown) => t.throws(act, { instanceOf: GodwitError })?.code;

  t.is(
    codeOf(() => notifier.set('mood' as 'battery', 1)),
    'INVALID_ARGUMENT',
  );
  t.is(
    codeOf(() => notifier.set('battery', Number.NaN)),
    'INVALID_ARGUMENT',
  );
  t.is(
    codeOf(() => notifier.when({ metric: 'mood' as 'battery', below: 1 }, () => {})),
    'INVALID_ARGUMENT',
  );
  t.is(
    codeOf(() => notifier.when({ metric: 'battery', below: 1 }, { forMs: -1 }, () => {})),
    'INVALID_ARGUMENT',
  );
});

test('trigger: fires once each time its condition begins to hold', (t) => {
  const { notifier } = notifierOf(t);
  const seen: number[] = [];
  notifier.when({ metric: 'battery', below: 0.2 }, (readings) => void seen.push(readings.get('battery')?.value as number));

  for (const value of [0.5, 0.19, 0.18, 0.3, 0.1]) notifier.set('battery', value);

  t.deepEqual(seen, [0.19, 0.1]);
});

test('trigger: forMs wants the condition to hold without a break, and fires on time between samples', async (t) => {
  const { clock, notifier } = notifierOf(t);
  const firedAt: number[] = [];
  notifier.when({ metric: 'temperature', above: 70 }, { forMs: 300 }, () => void firedAt.push(clock.now()));
  notifier.set('temperature', 75);
  await clock.advance(200);
  notifier.set('temperature', 60);
  notifier.set('temperature', 75);
  await clock.advance(299);
  t.deepEqual(firedAt, []);

  await clock.advance(1);

  t.deepEqual(firedAt, [500]);
});

test('trigger: stays quiet for cooldownMs, then fires if its condition holds still or again', async (t) => {
  const { clock, notifier } = notifierOf(t);
  const firedAt: number[] = [];
  notifier.when({ metric: 'battery', below: 0.2 }, { cooldownMs: 400 }, () => void firedAt.push(clock.now()));
  notifier.set('battery', 0.1);
  notifier.set('battery', 0.9);
  await clock.advance(100);
  notifier.set('battery', 0.1);
  t.deepEqual(firedAt, [0]);

  await clock.advance(1000);

  t.deepEqual(firedAt, [0, 400]);
});

test('trigger: an action that fails is tried again after a pause, one that was disposed of is not', async (t) => {
  const { clock, notifier } = notifierOf(t);
  let tries = 0;
  const cancel = notifier.when(
    (readings) => (readings.get('battery')?.value ?? 1) < 0.2,
    async () => {
      tries += 1;
      throw new GodwitError('UNAVAILABLE', 'no edge');
    },
  );
  notifier.set('battery', 0.1);
  await clock.advance(1500);
  t.is(tries, 2);

  cancel();
  await clock.advance(5000);

  t.is(tries, 2);
});
