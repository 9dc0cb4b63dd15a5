import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createClient, createRouterTransport } from '@connectrpc/connect';
import test from 'ava';
import { actor, GodwitError, spawn } from '#core';
import { systemClock } from '#runtimes/platform';
import { createInspection, createLocalTransport } from '#transports/connect';
import { DeviceControl, Inspection } from '#transports/connect/control';
import { listControlledDevices } from './control-socket.js';
import { type Device, startDevice } from './start-device.js';

const Notes = actor('notes', {
  state: () => ({ texts: [] as string[] }),
  on: {
    add(state, texts: string[]) {
      state.texts.push(...texts);
    },
  },
});

let directory: string;
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'godwit-run-'));
  process.env.XDG_RUNTIME_DIR = directory;
});
test.after.always(() => rm(directory, { recursive: true }));

const started = (name: string): Promise<Device> => startDevice({ name, control: true });
const inspectionOf = (device: Device) => createClient(Inspection, createLocalTransport(device.control ?? ''));
const codeOf = (error: unknown) => GodwitError.from(error).code;

test.serial('control socket: is there while its device runs, and its user alone may open it', async (t) => {
  const device = await started('robot-1');
  const socket = device.control ?? '';
  const listed = await listControlledDevices();
  const modes = await Promise.all([socket, dirname(socket), dirname(dirname(socket))].map(async (path) => ((await stat(path)).mode & 0o777).toString(8)));
  await device.close();
  await device.close();

  t.deepEqual(listed, [{ name: 'robot-1', socket }]);
  t.deepEqual(modes, ['600', '700', '700']);
  t.deepEqual(await listControlledDevices(), []);
  await using without = await startDevice({ name: 'robot-1' });
  t.is(without.control, undefined);
});

test.serial('control socket: a name is one device, and is free again when that ends', async (t) => {
  const first = await started('robot-2');
  const error = await t.throwsAsync(started('robot-2'), { instanceOf: GodwitError });
  await first.close();
  await using second = await started('robot-2');

  t.is(error?.code, 'ALREADY_EXISTS');
  t.is((await inspectionOf(second).listActors({})).node, 'robot-2');
});

test.serial('control socket: is not opened where others may enter, nor where its path is too long', async (t) => {
  const open = join(directory, 'godwit');
  await chmod(open, 0o755);
  const shared = await t.throwsAsync(started('robot-3'));
  await chmod(open, 0o700);
  const long = await t.throwsAsync(started('r'.repeat(120)));

  t.is(codeOf(shared), 'PERMISSION_DENIED');
  t.is(codeOf(long), 'INVALID_ARGUMENT');
});

test.serial('device control: says of an actor it does not have what the Offload Handler says', async (t) => {
  await using device = await started('robot-4');
  const control = createClient(DeviceControl, createLocalTransport(device.control ?? ''));

  await t.throwsAsync(control.offload({ actor: 'robot-4/nobody' }), { message: /was given no edge to offload to|is not one of device robot-4/ });
  await t.throwsAsync(control.recall({ actor: 'robot-4/nobody' }), { message: /robot-4\/nobody/ });
});

test.serial('inspection: what is told of a state is bounded, however large it is', async (t) => {
  await using device = await started('robot-5');
  const notes = spawn(device, Notes, 'notes');
  await notes.add(Array.from({ length: 5000 }, (_, index) => `${index} ${'x'.repeat(2000)}`));

  const { state, stateUnavailable, cursors } = await inspectionOf(device).inspectActor({ actor: 'robot-5/notes' });

  t.is(stateUnavailable, '');
  t.regex(state, /^\{\s+texts: \[\s+'0 x+/);
  t.true(state.length < 21_000, String(state.length));
  t.like(cursors[0], { from: 'robot-5', handled: 1n, accepted: 1n });
});

test.serial('inspection: a caller who does not read its events learns how many it lost', async (t) => {
  await using device = await startDevice({ name: 'robot-6' });
  const inspection = createClient(Inspection, createRouterTransport(createInspection({ node: device.node, clock: systemClock })));
  const giveUp = new AbortController();
  const events = inspection.traceEvents({ types: ['stopped'] }, { signal: giveUp.signal })[Symbol.asyncIterator]();
  const first = await events.next();

  for (let index = 0; index < 1500; index++) {
    spawn(device, Notes, 'notes');
    device.node.stop('robot-6/notes');
  }
  const types = new Map<string, number>();
  let lost: unknown;
  while (lost === undefined) {
    const { value } = (await events.next()) as { value: { type: string; fields?: Record<string, unknown> } };
    types.set(value.type, (types.get(value.type) ?? 0) + 1);
    if (value.type === 'lost') lost = value.fields?.events;
  }
  giveUp.abort();

  t.is((first.value as { type: string }).type, 'tracing');
  const told = types.get('stopped') ?? 0;
  t.true(told >= 1024 && told < 1500, String(told));
  t.is(Number(lost) + told, 1500);
});
