// The story: stays of the detector at the device and at the edge in turn, with moves between them that the battery sets off.
//
// D1 Frames never wait for a move, unless those left are needed for the stays to come.
// D2 The trigger's action offers, chooses and moves; the frames only tell the battery that they were answered.
import { setTimeout } from 'node:timers/promises';
import type { Step } from '#actors/search-and-rescue';
import { GodwitError, type MoveReport } from '#core';
import type { Lease } from '#device-node';
import { chargedCharge, lowCharge, SimulatedBattery } from './battery.js';
import type { EdgeProcess } from './edge-outside.js';
import { formatBytes, formatMs, formatRate } from './format.js';
import { FrameLedger, percentile } from './frame-ledger.js';
import type { DemoOptions } from './options.js';
import type { KillReport, Place } from './report.js';
import { frameTimeoutMs, type Robot } from './robot.js';
import type { View } from './view.js';

/** Frames lost one after the other after which it makes no sense to go on. */
const maxLostInARow = 3;

/** What happened. */
export interface Outcome {
  readonly ledger: FrameLedger;
  /** Of the stays, in order. */
  readonly places: readonly Place[];
  readonly moves: readonly MoveReport[];
  readonly reexecuted: number;
  readonly killed: KillReport | undefined;
}

/** Carries the story out. @throws {GodwitError} what ended it early: a bad photo, no offer, a move that failed, `signal` */
export async function playScenario(options: DemoOptions, robot: Robot, edge: EdgeProcess, view: View, signal: AbortSignal): Promise<Outcome> {
  const scenario = new Scenario(options, robot, edge, view);
  try {
    return await scenario.play(signal);
  } finally {
    scenario.end();
  }
}

class Scenario {
  private readonly ledger = new FrameLedger();
  private readonly places: Place[] = [];
  private readonly moves: MoveReport[] = [];
  private readonly stays: number;
  private readonly stayFrames: number;
  private readonly battery: SimulatedBattery;
  private readonly unobserve: () => void;
  private lease: Lease | undefined;
  private moving: Promise<void> | undefined;
  private failure: GodwitError | undefined;
  private killed: KillReport | undefined;
  private reexecuted = 0;
  private lostInARow = 0;
  private killAttempts = 0;
  private activity = '';
  private step: Step | undefined;
  private responseMs = 0;

  constructor(
    private readonly options: DemoOptions,
    private readonly robot: Robot,
    private readonly edge: EdgeProcess,
    private readonly view: View,
  ) {
    this.stays = options.killEdge ? 3 : 5;
    // One share of the frames more than stays: those are answered during the moves.
    this.stayFrames = Math.floor(options.frames / (this.stays + 1));
    const { notifier, node } = robot.device;
    this.battery = new SimulatedBattery(notifier, this.stayFrames);
    notifier.when({ metric: 'battery', below: lowCharge }, () => this.begin('offloading', () => this.offload()));
    if (!options.killEdge) notifier.when({ metric: 'battery', above: chargedCharge }, () => this.begin('recalling', () => this.recall()));
    this.unobserve = node.observe((event) => {
      if (!('actor' in event) || event.actor !== robot.detection.$address) return;
      if (event.type === 'reexecuted') this.reexecuted += 1;
      else if (event.type === 'restored' && !options.killEdge) this.lost(event.lostNode, event.turns);
    });
  }

  async play(signal: AbortSignal): Promise<Outcome> {
    await this.robot.detection.summary();
    this.arrived(await this.robot.placeOf(this.robot.detection.$address));
    for (let frame = 0; frame < this.options.frames; frame += 1) {
      signal.throwIfAborted();
      await this.waitIfNeeded(frame);
      if (this.failure !== undefined) throw this.failure;
      if (this.killIsDue()) await this.kill(frame);
      else await this.answer(frame);
    }
    const { ledger, places, moves, reexecuted, killed } = this;
    return { ledger, places, moves, reexecuted, killed };
  }

  end(): void {
    this.unobserve();
  }

  // ── Frames ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async answer(frame: number): Promise<void> {
    this.ledger.send();
    const askedAtMs = performance.now();
    try {
      this.step = await this.robot.navigation.step(frame, { timeoutMs: 2 * frameTimeoutMs });
    } catch (thrown) {
      this.lose(frame, GodwitError.from(thrown));
      return;
    }
    this.responseMs = performance.now() - askedAtMs - this.step.captureMs;
    this.lostInARow = 0;
    this.ledger.answer(this.step, this.whereNow(), this.responseMs);
    // A stay whose place is not known yet is one whose move has not reported.
    if (this.places.length === this.ledger.stays.length && this.moving === undefined) this.battery.frame();
    this.show();
  }

  private lose(frame: number, error: GodwitError): void {
    this.lostInARow += 1;
    // A photo that is no picture stays so.
    if (isPhotoFault(error) || this.lostInARow >= maxLostInARow) throw error;
    this.view.say(`  frame ${frame} got no answer: ${error.message}`);
  }

  /** D1 */
  private async waitIfNeeded(frame: number): Promise<void> {
    const needed = (this.stays - this.places.length) * this.stayFrames;
    if (this.moving !== undefined && this.options.frames - frame <= needed) await this.moving;
  }

  private whereNow(): string {
    return this.robot.detection.$where?.node ?? this.robot.device.name;
  }

  // ── Moves ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** D2 */
  private begin(activity: string, act: () => Promise<MoveReport>): void {
    if (this.moving !== undefined || this.places.length >= this.stays) return;
    this.activity = activity;
    this.show();
    this.moving = act()
      .then((report) => this.moved(report))
      .catch((thrown: unknown) => {
        this.failure = GodwitError.from(thrown);
      })
      .finally(() => {
        this.moving = undefined;
        this.activity = '';
      });
  }

  private async offload(): Promise<MoveReport> {
    const { offload } = this.robot.device;
    this.view.say(`• trigger: battery (simulated) at ${percent(this.battery.charge)}, below ${percent(lowCharge)}: offload detection`);
    const offers = await offload.request(this.robot.detection, { trigger: 'battery low' });
    for (const offer of offers) {
      if (offer.kind !== 'host') continue;
      const speeds = offer.tiers.map(({ tier, operationsPerSecond }) => `${tier} ${formatRate(operationsPerSecond)}`).join(', ');
      this.view.say(
        `  offer: ${offer.host} · ${speeds} measured · ${formatBytes(offer.freeMemoryBytes)} free · RTT ${formatMs(offer.rttMs)} · price ${offer.price}`,
      );
    }
    const [chosen] = offers;
    if (chosen === undefined) throw new GodwitError('RESOURCE_EXHAUSTED', 'no offer for detection');
    this.view.say(`  choice: ${chosen.host}, ${offers.length === 1 ? 'the only one' : 'the first: closest cluster, fastest host'}`);
    this.lease = await offload.accept(chosen);
    if (this.lease.move === undefined) throw new GodwitError('INTERNAL', `detection was not moved to ${chosen.host}`);
    return this.lease.move;
  }

  private recall(): Promise<MoveReport> {
    this.view.say(`• trigger: battery (simulated) at ${percent(this.battery.charge)}, above ${percent(chargedCharge)}: recall detection`);
    if (this.lease === undefined) throw new GodwitError('FAILED_PRECONDITION', 'detection is not offloaded');
    return this.lease.recall({ trigger: 'battery charged' });
  }

  private moved(report: MoveReport): void {
    const { to, bytes, stallMs, totalMs, warm, stateHash } = report;
    this.moves.push(report);
    const kept = stateHash.before === stateHash.after ? `state kept (${stateHash.after.slice(0, 8)})` : 'STATE CHANGED';
    this.view.say(
      `  moved to ${to.node} in ${formatMs(totalMs)}, stalled ${formatMs(stallMs)} · ${warm ? 'warm' : 'cold'}: module ${formatBytes(bytes.module)}, state ${formatBytes(bytes.capture)} · ${kept}`,
    );
    this.arrived(to);
  }

  private arrived(place: Place): void {
    const isHere = place.node === this.robot.device.name;
    this.places.push({ node: place.node, tier: place.tier, place: place.place });
    this.battery.settle(isHere);
    this.view.say(`${this.places.length} ${isHere ? 'local' : 'remote'} execution on ${place.node}: ${place.place}`);
  }

  /** Somebody else ended the edge. */
  private lost(node: string, turns: number): void {
    this.view.say(`• ${node} was lost: detection goes on at ${this.robot.device.name} from its checkpoint of ${turns} turns`);
    this.robot
      .placeOf(this.robot.detection.$address)
      .then((place) => this.arrived(place))
      .catch((thrown: unknown) => {
        this.failure = GodwitError.from(thrown);
      });
  }

  // ── The kill ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private killIsDue(): boolean {
    const stay = this.ledger.stays.at(-1);
    return this.options.killEdge && this.killed === undefined && stay?.node === this.edge.name && stay.frames.length >= this.stayFrames;
  }

  /** Kills the edge while the detector works on `frame`; if its answer was quicker, the next frame is tried. */
  private async kill(frame: number): Promise<void> {
    const { device, detection } = this.robot;
    let unobserve = () => {};
    const restored = new Promise<{ readonly turns: number; readonly atMs: number }>((resolve) => {
      unobserve = device.node.observe((event) => {
        if (event.type === 'restored' && event.actor === detection.$address) resolve({ turns: event.turns, atMs: performance.now() });
      });
    });
    try {
      const killedAtMs = await this.killDuring(frame, this.answer(frame));
      if (killedAtMs === undefined) return;
      const { turns, atMs } = await restored;
      const resumedAt = await this.robot.placeOf(detection.$address);
      const resumedAfterMs = atMs - killedAtMs;
      this.killed = { pid: this.edge.pid, frame, resumedAfterMs, checkpointTurns: turns, resumedAt, reexecutedAnswered: this.reexecuted };
      // The frame the edge died over, unless its answer had just left.
      const stay = this.ledger.stays.at(-1);
      if (stay?.node === device.name && stay.frames.at(-1) === frame) this.reexecuted += 1;
      this.activity = '';
      this.view.say(`  resumed on ${device.name} from its checkpoint of ${turns} turns, ${formatMs(resumedAfterMs)} after the kill`);
      this.arrived(resumedAt);
    } finally {
      unobserve();
    }
  }

  /** @returns when the edge was killed, once `answered` is settled; undefined if that was earlier */
  private async killDuring(frame: number, answered: Promise<void>): Promise<number | undefined> {
    this.killAttempts += 1;
    // At first half of a usual answer after the camera has the frame: in the middle of the inference.
    const killAfterMs = (this.step?.captureMs ?? 0) + percentile(this.ledger.stays.at(-1)?.responsesMs ?? [], 0.5) / (1 + this.killAttempts);
    const waiting = new AbortController();
    const due = setTimeout(killAfterMs, true, { signal: waiting.signal }).catch(() => false);
    const isDue = await Promise.race([due, answered.then(() => false)]);
    waiting.abort();
    if (!isDue) return undefined;
    const atMs = performance.now();
    this.view.say(`• kill -9 ${this.edge.pid}: ${this.edge.name} dies while it detects frame ${frame}`);
    this.activity = `${this.edge.name} is dead`;
    this.show();
    await Promise.all([this.edge.kill(), answered]);
    return atMs;
  }

  private show(): void {
    if (this.step === undefined) return;
    const found = this.step.detections.map(({ label, score }) => `${label} ${score.toFixed(2)}`).join(' · ') || 'nothing';
    const node = this.whereNow();
    this.view.show({
      frame: this.step.frame + 1,
      frames: this.options.frames,
      node,
      tier: this.places.findLast((place) => place.node === node)?.tier ?? 'moving',
      battery: this.battery.charge,
      responseMs: this.responseMs,
      found,
      activity: this.activity,
    });
  }
}

/** True if the camera could not read a photo. */
export function isPhotoFault(error: GodwitError): boolean {
  return typeof error.details === 'object' && error.details !== null && 'photo' in error.details;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
