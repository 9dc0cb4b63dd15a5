// What every device is made of, on Node as in a browser: its node, its Offload Handler, and what it knows of the actors it may send away.
import {
  type AnyDefinition,
  type AnyRef,
  createNode,
  type Definition,
  definitionOfFunction,
  type ElasticFunction,
  GodwitError,
  type Handlers,
  leadCalls,
  type Node,
  type NodeOptions,
  type Ref,
} from '#core';
import type { Cluster } from './cluster.js';
import type { EdgeLinks } from './edge-links.js';
import { ClusterOffloadHandler, type Offloadable, type OffloadHandler } from './offload-handler.js';

/** The definitions that a device has met, by name. */
export class KnownDefinitions {
  private readonly byName = new Map<string, AnyDefinition>();

  /** @param met hears of every definition that is learnt */
  constructor(
    first: readonly AnyDefinition[],
    private readonly met: (definition: AnyDefinition) => void = () => {},
  ) {
    for (const definition of first) this.learn(definition);
  }

  learn(definition: AnyDefinition): void {
    this.byName.set(definition.name, definition);
    this.met(definition);
  }

  readonly get = (name: string): AnyDefinition | undefined => this.byName.get(name);
}

/** The parts that differ from platform to platform. */
export interface DeviceParts {
  readonly node: Omit<NodeOptions, 'reach'>;
  readonly links: EdgeLinks;
  readonly clusters: readonly Cluster[];
  readonly known: KnownDefinitions;
  readonly application: string;
}

/** What they make together. */
export interface WiredDevice {
  readonly node: Node;
  readonly offload: OffloadHandler;
  child<S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H>;
  /** Ends the node; calls of elastic functions run here again. */
  close(): Promise<void>;
}

export function wireDevice({ node: options, links, clusters, known, application }: DeviceParts): WiredDevice {
  const node = createNode({ ...options, reach: links });
  const child = <S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H> => {
    known.learn(definition);
    return node.child(definition, name);
  };
  const functions = new Map<string, { readonly fn: ElasticFunction; readonly ref: AnyRef }>();
  const addressOf = (target: Offloadable): string => {
    if (typeof target === 'string') return target;
    if (typeof target !== 'function') return target.$address;
    const definition = definitionOfFunction(target);
    if (definition === undefined)
      throw new GodwitError('INVALID_ARGUMENT', `function ${target.name} cannot be offloaded: wrap it in elastic(), or give it 'use elastic' and build it`);
    const ref: AnyRef = child(definition as Definition, definition.name);
    functions.set(ref.$address, { fn: target, ref });
    return ref.$address;
  };
  const offload = new ClusterOffloadHandler({
    node,
    clusters,
    links,
    clock: options.clock,
    logger: options.logger,
    application,
    definitionOf: known.get,
    addressOf,
    onLease: (actor, isAway) => {
      const tagged = functions.get(actor);
      leadCalls(tagged?.fn, isAway ? tagged?.ref : undefined);
    },
  });
  return {
    node,
    offload,
    child,
    close() {
      offload.close();
      for (const { fn } of functions.values()) leadCalls(fn, undefined);
      return node.close();
    },
  };
}
