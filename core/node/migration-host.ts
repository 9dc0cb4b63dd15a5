import type { Protocol } from '../actors/definition.js';
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import type { MigrationMessage, NodeId } from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Instance, InstanceCapture } from '../ports/runtime.js';
import type { Cell } from './cell.js';
import type { Directory } from './directory.js';
import type { ControlMessage } from './link.js';
import type { CellTimer } from './pending.js';
import type { Routes } from './routes.js';
import type { NodeEvent, NodeOptions } from './types.js';

/** What carrying the migration protocol out needs of the node. */
export interface MigrationHost {
  readonly id: NodeId;
  readonly options: NodeOptions;
  readonly routes: Routes;
  readonly directory: Directory;
  now(): number;
  cell(address: string): Cell | undefined;
  /** A cell for an actor that is coming; not reachable until `enter`. */
  createCell(address: string, protocol: Protocol): Cell;
  enter(cell: Cell): void;
  leave(cell: Cell, to: NodeId, epoch: number): void;
  /** An actor that was away exists no more. */
  forget(address: string): void;
  /** An actor of this home is owned by that node, as its register says. */
  ownedBy(address: string, node: string, epoch: number): void;
  knowsNatively(definition: string): boolean;
  createInstance(cell: Cell, tier: Tier, manifest: Manifest | undefined, capture: InstanceCapture | undefined): Promise<Instance>;
  startTimer(timer: CellTimer, delayMs: number): void;
  emit(event: NodeEvent): void;
}

/** A message of the migration protocol on a link. */
export interface MigrationControl {
  readonly type: 'migration';
  readonly message: MigrationMessage;
}

/** owner → home, former home → where it was spawned: the actor was stopped, or could not go on; `lost` if it is to go on from its base. */
export interface EndedMessage {
  readonly type: 'ended';
  readonly actor: string;
  readonly epoch: number;
  readonly lost?: boolean;
}

/** home → who said `ended`: it is known. */
export interface EndedHeardMessage {
  readonly type: 'ended-heard';
  readonly actor: string;
  readonly epoch: number;
}

/** home → owner: there is no register of this actor. */
export interface DisownedMessage {
  readonly type: 'disowned';
  readonly actor: string;
}

/** Captures up to this size ride on the link; a larger one goes as a blob, so that bulk never delays a message. */
export const inlineCaptureBytes = 64 * 1024;

export function sendControl(host: MigrationHost, to: string, message: ControlMessage): void {
  host.routes.links.get(to)?.control(message);
}

/** Frees a capture that had travelled as a blob. */
export function deleteBlob(host: MigrationHost, hash: Hash): void {
  host.options.blobs
    .delete(hash)
    .catch((thrown: unknown) => host.options.logger.log('warn', 'blob.delete-failed', { hash, reason: GodwitError.from(thrown).message }));
}

/** An event with the node's time. */
export function at<E extends object>(host: MigrationHost, event: E): E & { nowMs: number } {
  return { ...event, nowMs: host.options.clock.now() };
}

/** The event that an effect could not be carried out. */
export function failure(host: MigrationHost, thrown: unknown): { type: 'failed'; reason: ErrorValue; nowMs: number } {
  return at(host, { type: 'failed', reason: valueFromError(GodwitError.from(thrown), host.id.name) } as const);
}
