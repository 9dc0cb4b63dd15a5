// Actors with shared names whose home is this edge: after a restart they come back from its own register, and no device brings them.
import type { Cancel, Node } from '#core';
import type { HostFacts } from './offers.js';
import type { SharedNames } from './shared-names.js';

/** Gives actors that come back by themselves their names again, from now on until cancelled. */
export function followOwnActors(node: Node, names: SharedNames, { name: host, url }: Pick<HostFacts, 'name' | 'url'>): Cancel {
  const cameBack = (actor: string) => {
    const info = node.actors().find(({ address, status }) => address === actor && status === 'here');
    if (info !== undefined) names.cameBack({ actor, definition: info.definition, version: info.version, host, url, epoch: info.epoch });
  };
  // Some are back before there is a port to be reached at.
  for (const { address } of node.actors()) cameBack(address);
  return node.observe((event) => {
    if (event.type === 'restored') cameBack(event.actor);
    else if (event.type === 'stopped') names.left(event.actor);
    else if (event.type === 'moved' && event.report.from.node === host) names.left(event.report.actor);
  });
}
