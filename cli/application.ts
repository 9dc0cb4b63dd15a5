import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyDefinition, definitionsIn, GodwitError, type Logger } from '#core';
import type { Device } from '#device-node';

/** What a program gets beside its device. */
export interface ApplicationContext {
  /** Aborted when the command is to end: return soon after. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** A program for a device: a module that exports `main`. */
export interface Application {
  /** The device runs until this returns. */
  main(device: Device, context: ApplicationContext): void | Promise<void>;
  /** Every actor definition that the module exports. */
  readonly definitions: readonly AnyDefinition[];
}

/** Loads the module at `path`. @throws {GodwitError} INVALID_ARGUMENT no such file, no module, or it exports no `main` */
export async function loadApplication(path: string): Promise<Application> {
  const exported = await load(path);
  const { main } = exported;
  if (typeof main !== 'function') {
    throw new GodwitError('INVALID_ARGUMENT', `${path} exports no function main: write \`export async function main(device, { signal }) { … }\``);
  }
  return { main: main as Application['main'], definitions: definitionsIn(exported) };
}

async function load(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
  } catch (thrown) {
    const hint = path.endsWith('.ts') ? ' (compile TypeScript to JavaScript first)' : '';
    throw new GodwitError('INVALID_ARGUMENT', `cannot load the application ${path}: ${GodwitError.from(thrown).message}${hint}`, { cause: thrown });
  }
}
