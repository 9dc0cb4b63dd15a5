// Names under which one actor is shared by every device of the cluster (the paper's Map Server).
//
//   free ──claim──▶ claimed ──arrived──▶ taken ──left──▶ free
//                      └──gave up──▶ free
//
// While a name is claimed, another claim waits: the first one's move is under way.
import type { Redirect } from './offers.js';

interface Claimed {
  readonly status: 'claimed';
  readonly token: string;
  readonly settled: Promise<void>;
  readonly settle: () => void;
}
interface Taken {
  readonly status: 'taken';
  readonly token: string;
  readonly at: Redirect;
}

/** The registry of shared names. */
export class SharedNames {
  private readonly names = new Map<string, Claimed | Taken>();

  /** The actor that has a name. */
  at(name: string): Redirect | undefined {
    const entry = this.names.get(name);
    return entry?.status === 'taken' ? entry.at : undefined;
  }

  list(): Array<{ readonly name: string; readonly at: Redirect }> {
    return [...this.names].flatMap(([name, entry]) => (entry.status === 'taken' ? [{ name, at: entry.at }] : []));
  }

  /** Claims a name for the holder of `token`; waits while another claim is open. @returns who has the name, if somebody has */
  async claim(name: string, token: string): Promise<Redirect | undefined> {
    for (;;) {
      const entry = this.names.get(name);
      if (entry === undefined) {
        let settle = () => {};
        const settled = new Promise<void>((resolve) => {
          settle = resolve;
        });
        this.names.set(name, { status: 'claimed', token, settled, settle });
        return undefined;
      }
      if (entry.status === 'taken') return entry.at;
      await entry.settled;
    }
  }

  /** The claimant's move is committed. */
  take(name: string, token: string, at: Redirect): void {
    const entry = this.names.get(name);
    if (entry?.token !== token) return;
    this.names.set(name, { status: 'taken', token, at });
    if (entry.status === 'claimed') entry.settle();
  }

  /** The claimant gave up, or the actor left the cluster. */
  free(name: string, token: string): void {
    const entry = this.names.get(name);
    if (entry?.token !== token) return;
    this.names.delete(name);
    if (entry.status === 'claimed') entry.settle();
  }

  /** Frees every name, so that nobody waits on. */
  close(): void {
    for (const [name, entry] of [...this.names]) this.free(name, entry.token);
  }
}
