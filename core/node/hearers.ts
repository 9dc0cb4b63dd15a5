import { type MigrationMessage, receiversOf } from '../migration/index.js';
import type { Homes } from './homes.js';
import type { IncomingMove } from './incoming-move.js';
import type { OutgoingMove } from './outgoing-move.js';
import type { Owners } from './owners.js';

/** Whatever takes messages of the migration protocol in. */
interface Hearer {
  feed(event: { readonly type: 'message'; readonly message: MigrationMessage; readonly nowMs: number }): void;
}

/** The machines of a node. Moves are kept by their ids. */
export interface Machines {
  readonly outgoing: ReadonlyMap<string, OutgoingMove>;
  readonly incoming: ReadonlyMap<string, IncomingMove>;
  readonly owners: Owners;
  readonly homes: Homes;
}

/** The machines that a message is for: moves by their id, or all of the actor's where the home speaks of the actor itself. */
export function hearersOf(message: MigrationMessage, { outgoing, incoming, owners, homes }: Machines): Hearer[] {
  const { actor, move } = message;
  const ofActor = message.type === 'grant' || message.type === 'registered';
  const roles = {
    source: () => (ofActor ? [...outgoing.values()].filter(({ cell }) => cell.address === actor) : [outgoing.get(move)]).map((found) => found?.machine),
    target: () => (ofActor ? [...incoming.values()].filter((found) => found.actor === actor) : [incoming.get(move)]).map((found) => found?.machine),
    owner: () => [owners.get(actor)],
    home: () => [homes.get(actor)],
  };
  return receiversOf[message.type].flatMap((role): Array<Hearer | undefined> => roles[role]()).filter((machine) => machine !== undefined);
}
