// What a node tells of itself to those who watch it.
import type { Actors } from './actors.js';
import type { Cell } from './cell.js';
import type { Routes } from './routes.js';
import type { ActorInfo, NodeStatistics } from './types.js';

/** One actor that is here. */
export function infoOf(cell: Cell, node: string): ActorInfo {
  const { definition, version } = cell.target.$protocol;
  return {
    address: cell.address,
    definition,
    version,
    status: 'here',
    node,
    tier: cell.tier,
    place: cell.instance?.place,
    epoch: cell.epoch,
    incarnation: cell.incarnation,
    mailboxRecords: cell.mailbox.length,
    turns: cell.turns,
  };
}

/** The node now, and what it has done so far. */
export function statisticsOf(actors: Actors, routes: Routes): NodeStatistics {
  const cells = [...actors.cells.values()];
  const links = [...routes.links.values()];
  return {
    actors: cells.filter((cell) => !cell.immediate).length,
    turns: actors.turns,
    mailboxRecords: cells.reduce((sum, { mailbox }) => sum + mailbox.length, 0),
    asksInFlight: cells.reduce((sum, { outlet }) => sum + outlet.asks.size, 0),
    links: links.map(({ peer, attached, rttMs, sentBytes, receivedBytes }) => ({ peer: peer.node, attached, rttMs, sentBytes, receivedBytes })),
  };
}
