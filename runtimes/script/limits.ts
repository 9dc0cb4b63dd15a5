import { GodwitError, type GuestLimits } from '#core';

/** What a guest may use. Every field has a default. @public */
export interface ScriptLimits {
  /** Bytes of memory per instance, everything included; default 64 MiB; 4 MiB to 2 GiB. A handler that meets it gets RESOURCE_EXHAUSTED. */
  readonly memoryBytes?: number;
  /** Milliseconds a segment may run; default 1000; above 0. An instance that meets it ends DEADLINE_EXCEEDED. */
  readonly segmentMs?: number;
  /** Milliseconds after `segmentMs` until the worker of a guest stuck inside the engine is terminated; default 100. */
  readonly marginMs?: number;
  /** Bytes of one record, either way; default 16 MiB. */
  readonly maxRecordBytes?: number;
}

/** Limits with their defaults filled in. */
export type CompiledLimits = Required<ScriptLimits>;

const MiB = 1024 * 1024;

/** @throws {GodwitError} INVALID_ARGUMENT naming the limit that is out of range */
export function compileLimits(limits: ScriptLimits = {}): CompiledLimits {
  const { memoryBytes = 64 * MiB, segmentMs = 1000, marginMs = 100, maxRecordBytes = 16 * MiB } = limits;
  check('memoryBytes', memoryBytes, 4 * MiB, 2048 * MiB);
  check('segmentMs', segmentMs, 1, Number.MAX_SAFE_INTEGER);
  check('marginMs', marginMs, 1, Number.MAX_SAFE_INTEGER);
  check('maxRecordBytes', maxRecordBytes, 1024, 1024 * MiB);
  return { memoryBytes, segmentMs, marginMs, maxRecordBytes };
}

/** What one guest is held to: its module may ask for less than its host allows, never for more. */
export function limitsFor(host: CompiledLimits, { memoryBytes = host.memoryBytes, segmentMs = host.segmentMs }: GuestLimits): CompiledLimits {
  return { ...host, memoryBytes: Math.min(memoryBytes, host.memoryBytes), segmentMs: Math.min(segmentMs, host.segmentMs) };
}

function check(name: string, value: number, from: number, to: number): void {
  if (!(value >= from && value <= to))
    throw new GodwitError('INVALID_ARGUMENT', `limit ${name} of the script runtime must be from ${from} to ${to}, not ${value}`);
}
