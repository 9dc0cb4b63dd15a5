// Two nodes that run at once and call themselves the same throw each other out whenever they dial. This says so; who has which name, people decide.
import type { Clock, Logger, Node } from '#core';

/** What is known of one name. */
interface Namesakes {
  /** In the order in which they were linked last: the last one has the link. */
  readonly boots: string[];
  /** When one of them last came back; undefined if none has yet. */
  exchangedAtMs: number | undefined;
}

/** More at a time tell nobody more. */
const maxBoots = 8;
const maxNames = 1024;
/** Without an exchange for so long it is over; the next one is told again. */
const overMs = 60_000;

/**
 * Logs one `edge.same-name` for nodes that take the link of a name from each other, until they have left off for a minute. A node that starts
 * anew has another boot id, too, but the former one never comes back.
 */
export function followRivals(node: Node, clock: Clock, logger: Logger): void {
  const names = new Map<string, Namesakes>();
  node.observe((event) => {
    if (event.type !== 'link-up') return;
    const { peer, boot } = event;
    const known = names.get(peer) ?? { boots: [], exchangedAtMs: undefined };
    const other = known.boots.at(-1);
    const at = known.boots.indexOf(boot);
    if (at !== -1) known.boots.splice(at, 1);
    known.boots.push(boot);
    if (known.boots.length > maxBoots) known.boots.shift();
    names.delete(peer);
    names.set(peer, known);
    if (names.size > maxNames) names.delete(names.keys().next().value as string);
    if (at === -1 || other === undefined || other === boot) return;
    const now = clock.now();
    if (known.exchangedAtMs === undefined || now - known.exchangedAtMs > overMs)
      logger.log('warn', 'edge.same-name', {
        node: node.name,
        peer,
        boot,
        other,
        reason: `two nodes call themselves ${peer} and take the link from each other: give one of them another name`,
      });
    known.exchangedAtMs = now;
  });
}
