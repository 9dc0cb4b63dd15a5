// The bridge between a running nact and a node: each side sees the other's actors as its own.
//
//     godwit ref ──► proxy (an actor of ours, one per nact actor) ──► nact.dispatch ──► nact actor
//     nact reference ──► nact finds an endpoint for it ──► a record of the node's application ──► actor of ours
//
// X1  A message is translated as it crosses: references in it become the other side's, and those that come back are what they were.
// X2  nact tells nobody that an actor stopped, so a proxy looks whenever a message comes, and now and then; then it stops as well.
import {
  type AnyRef,
  type Cancel,
  createRef,
  dispatch as dispatchMessage,
  GodwitError,
  type Ref as GodwitRef,
  type Holder,
  holderOf,
  isRef,
  type Node,
  type Target,
} from '#core';
import { GodwitEndpoint, GodwitReference } from './endpoint.js';
import { type Finder, isAlive, isNactReference, keyOf, loadNact, type NactModule, type NactReference } from './foreign.js';
import { proxyDefinition } from './proxy.js';
import { type Accepts, type Control, controlRef } from './reference.js';
import { freshName, nodeOf, type Place, start } from './system.js';
import { translate } from './translate.js';

export type { NactReference };

/** Made by {@link bridge}. @public */
export interface Bridge {
  /**
   * A ref to an actor of nact, for `dispatch`, `query` and `stop` of godwit/nact and for Godwit's own; it may be sent to other nodes. Its ask resolves when nact
   * has the message, and rejects with NOT_FOUND if the actor has stopped.
   */
  ref<M>(actor: object): GodwitRef<Accepts<M>>;
  /**
   * A reference to an actor of ours, for nact's `dispatch`, `query` and `stop`. An actor of nact's kind gets messages as they are; any other gets
   * `{ type, payload }` as its message `type`, and what it replies is the answer.
   */
  reference(actor: AnyRef): NactReference;
  /** Neither side reaches the other any more. Idempotent. */
  close(): void;
}

/**
 * Bridges a running system of nact and a node.
 * @throws {GodwitError} FAILED_PRECONDITION nact is not installed, or the system does not run in the copy of nact that this program finds
 * @public
 */
export async function bridge(nactSystem: object, place: Place): Promise<Bridge> {
  const nact = await loadNact();
  if (!isAlive(nact, nactSystem))
    throw new GodwitError('FAILED_PRECONDITION', 'this nact system was stopped, or belongs to another copy of nact than the one found by godwit');
  return new NodeBridge(nact, nodeOf(place));
}

class NodeBridge implements Bridge {
  /** The node's application: its refs outlive every actor. */
  private readonly application: Holder;
  private readonly system: NactReference;
  private readonly proxies = new Map<string, GodwitRef<Control>>();
  private readonly origins = new Map<string, NactReference>();
  private readonly forget: Cancel;
  private closed = false;

  constructor(
    private readonly nact: NactModule,
    private readonly node: Node,
  ) {
    this.application = holderOf(start(node).supervisor);
    this.system = nact.start((system) => this.hook(system));
    this.forget = node.observe((event) => {
      if (event.type === 'stopped') this.forgetProxy(event.actor);
    });
  }

  ref<M>(reference: object): GodwitRef<Accepts<M>> {
    const foreign = reference as NactReference;
    if (reference instanceof GodwitReference) return reference.actor as unknown as GodwitRef<Accepts<M>>;
    if (this.closed) throw new GodwitError('FAILED_PRECONDITION', 'the bridge to nact was closed');
    if (!isNactReference(foreign)) throw new GodwitError('INVALID_ARGUMENT', 'this is no reference to an actor of nact');
    return (this.proxies.get(keyOf(foreign)) ?? this.openProxy(foreign)) as unknown as GodwitRef<Accepts<M>>;
  }

  reference(actor: AnyRef): NactReference {
    const { $address, $protocol } = actor as unknown as Target;
    return this.origins.get($address) ?? new GodwitReference(this.system, createRef($address, $protocol, this.application));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.forget();
    for (const address of this.origins.keys()) this.node.stop(address);
    this.nact.stop(this.system);
  }

  /** X2. @throws {GodwitError} NOT_FOUND the actor has stopped */
  deliver(reference: NactReference, message: unknown, sender: AnyRef | undefined): void {
    if (!isAlive(this.nact, reference)) throw new GodwitError('NOT_FOUND', `actor ${keyOf(reference)} of nact has stopped`);
    this.nact.dispatch(reference, this.outward(message), sender === undefined ? undefined : this.reference(sender));
  }

  isAlive(reference: NactReference): boolean {
    return isAlive(this.nact, reference);
  }

  stopActor(reference: NactReference): void {
    this.nact.stop(reference);
  }

  // X1
  readonly outward = (message: unknown): unknown => translate(message, (value) => (isRef(value) ? this.reference(value) : undefined));
  readonly inward = (message: unknown): unknown =>
    translate(message, (value) => (value instanceof GodwitReference || isNactReference(value) ? this.ref(value) : undefined));

  /** nact asks the system that a reference names for what it stands for: this one knows ours. */
  private hook(system: Finder): void {
    const find = system.find.bind(system);
    system.find = (reference) => (reference instanceof GodwitReference ? new GodwitEndpoint(this, reference.actor) : find(reference));
  }

  private openProxy(reference: NactReference): GodwitRef<Control> {
    const name = freshName('nact.ref');
    this.node.child(proxyDefinition(this, reference), name);
    const proxy = controlRef(`${this.node.name}/${name}`, this.application);
    this.proxies.set(keyOf(reference), proxy);
    this.origins.set(proxy.$address, reference);
    dispatchMessage(proxy, 'begin', undefined);
    return proxy;
  }

  private forgetProxy(address: string): void {
    const reference = this.origins.get(address);
    if (reference === undefined) return;
    this.origins.delete(address);
    this.proxies.delete(keyOf(reference));
  }
}
