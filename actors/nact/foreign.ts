// nact itself, as the bridge uses it: its public functions, and the one hook by which a system finds what a reference stands for.
import { GodwitError } from '#core';

/** A reference as nact makes them. @public */
export interface NactReference {
  readonly type: string;
  readonly system: { readonly name?: string | undefined };
}

/** What a system finds for a reference, and sends to. */
export interface Endpoint {
  dispatch(message: unknown, sender: object | undefined): void;
  query(message: unknown, timeoutMs: number): Promise<unknown>;
  stop(): void;
  /** Called before something is spawned under it. */
  assertNotStopped(): boolean;
}

/** The part of a system that a plugin of it replaces. */
export interface Finder {
  readonly name: string;
  find(reference: unknown): unknown;
}

/** The functions of nact that the bridge calls. */
export interface NactModule {
  start(plugin: (system: Finder) => void): NactReference;
  spawn(parent: object, fn: () => void, name: string): object;
  dispatch(actor: object, message: unknown, sender?: object): void;
  stop(actor: object): void;
}

/** nact is an optional peer. @throws {GodwitError} FAILED_PRECONDITION it is not installed */
export async function loadNact(): Promise<NactModule> {
  try {
    return (await import('nact')) as unknown as NactModule;
  } catch (cause) {
    throw new GodwitError('FAILED_PRECONDITION', 'a bridge to nact needs nact: npm install nact (an optional peer of godwit)', { cause });
  }
}

/** What nact says of a parent it cannot find; it has no codes. */
const goneMessage = 'Actor has stopped or never even existed';

/** True while there is an actor behind a reference. nact is asked to spawn under a name it refuses: it looks for the parent before it looks at the name. */
export function isAlive(nact: NactModule, reference: object): boolean {
  try {
    nact.spawn(reference, () => {}, '/');
    return true;
  } catch (thrown) {
    return GodwitError.from(thrown).message !== goneMessage;
  }
}

/** True for a reference to an actor, or to what waits for the answer of a query. */
export function isNactReference(value: object): value is NactReference {
  const { type, system } = value as Partial<NactReference>;
  return (type === 'actor' || type === 'temp') && typeof system?.name === 'string';
}

/** What tells one reference from another: nact finds actors by their path and answers by a number. */
export function keyOf(reference: NactReference): string {
  const { path, id } = reference as { readonly path?: { toString(): string }; readonly id?: number };
  return reference.type === 'temp' ? `${reference.system.name}?${id}` : String(path);
}
