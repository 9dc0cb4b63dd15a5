// The actors of nact's kind of one node: their names, and who supervises those that have no parent.
import {
  type AnyDefinition,
  type AnyRef,
  actor,
  type Context,
  type Definition,
  dispatch,
  GodwitError,
  type Ref as GodwitRef,
  type Node,
  type Parent,
} from '#core';
import { AnswerActor } from './answer.js';
import type { Control } from './reference.js';

/** Where a system lives: a node, or what has one, as a device does. @public */
export type Place = Node | (Parent & { readonly node: Node });

/** What is spawned into it stops with it. Made by {@link start}. @public */
export interface System {
  readonly type: 'system';
  /** That of its node. */
  readonly name: string;
  /** @internal */
  readonly supervisor: AnyRef;
  /** @internal */
  spawn(definition: AnyDefinition, name: string | undefined): GodwitRef<Control>;
  /** @internal */
  stop(): void;
}

/** Name of the actor that supervises on behalf of the system: a failure escalated to it stops the actor. */
export const supervisorName = 'nact';

/** What actors away from home ask of it. */
export type Opener = { open(state: never): AnyRef };
export const supervisorProtocol = { definition: 'nact.system', version: 1, messages: { open: 'reply' } } as const;

const minPruned = 16;

const systems = new WeakMap<Node, NodeSystem>();

/** The system of a node; begins anew if it was stopped. A node is one system: two of them in a process are two nodes. @public */
export function start(place: Place): System {
  const node = nodeOf(place);
  const running = systems.get(node);
  if (running !== undefined && !running.stopped) return running;
  const system = new NodeSystem(node, place, running?.children);
  systems.set(node, system);
  return system;
}

export function nodeOf(place: Place): Node {
  return 'node' in place ? place.node : place;
}

export function isSystem(value: unknown): value is System {
  return value instanceof NodeSystem;
}

class NodeSystem implements System {
  readonly type = 'system';
  readonly supervisor: AnyRef;
  stopped = false;
  /** Children at which those that have ended are looked for: a spawn costs the same however many there are. */
  private pruneAt = minPruned;

  constructor(
    private readonly node: Node,
    private readonly parent: Parent,
    /** Those of the node's former system may still be stopping. */
    readonly children = new Map<string, GodwitRef<Control>>(),
  ) {
    this.supervisor = node.child(supervisorOf(node), supervisorName);
  }

  get name(): string {
    return this.node.name;
  }

  spawn(definition: AnyDefinition, name = freshName('anonymous')): GodwitRef<Control> {
    if (this.stopped) throw new GodwitError('NOT_FOUND', `system ${this.name} was stopped: start it again`);
    if (this.children.size >= this.pruneAt || this.children.has(name)) this.prune();
    // What Godwit knows under this name from elsewhere, a durable actor of a former run say, is attached to, as its own spawn does.
    if (this.children.has(name))
      throw new GodwitError('ALREADY_EXISTS', `actor ${this.name}/${name} exists: choose another name, or wait until it has stopped`);
    const child = this.parent.child(definition as Definition, name) as unknown as GodwitRef<Control>;
    this.children.set(name, child);
    dispatch(child, 'begin', { parent: this.supervisor, life: 0 });
    return child;
  }

  stop(): void {
    this.stopped = true;
    for (const child of this.living('')) dispatch(child, 'stop');
  }

  living(except: string): GodwitRef<Control>[] {
    this.prune();
    return [...this.children].filter(([name]) => name !== except).map(([, child]) => child);
  }

  private prune(): void {
    for (const name of this.children.keys()) if (this.node.where(`${this.name}/${name}`) === undefined) this.children.delete(name);
    this.pruneAt = 2 * this.children.size + minPruned;
  }
}

/** A name that no actor has or had, in a former run either: what Godwit still knows of that one would be attached to. */
export function freshName(kind: string): string {
  return `${kind}-${Math.random().toString(36).slice(2)}`;
}

/** Its handlers look the system up, since that may be stopped and started again. */
function supervisorOf(node: Node) {
  const tellChildren = (message: 'stop' | 'reset', except: string) => {
    for (const child of systems.get(node)?.living(except) ?? []) dispatch(child, message);
  };
  const nothing = () => {};
  return actor('nact.system', {
    state: () => ({ answers: 0 }),
    needs: { pinned: true },
    on: {
      message: nothing,
      from: nothing,
      begin: nothing,
      idle: nothing,
      reset: nothing,
      ended: nothing,
      stop: () => systems.get(node)?.stop(),
      failed: () => 'stop' as const,
      stopChildren: (_state, except: string) => tellChildren('stop', except),
      resetChildren: (_state, except: string) => tellChildren('reset', except),
      /** A place for the answer to a query of an actor that is away. */
      open: (state, _nothing: undefined, ctx: Context): AnyRef => ctx.child(AnswerActor, `query-${++state.answers}`),
    },
  });
}
