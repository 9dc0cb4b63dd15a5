/** demo → edge process, once: start. The key travels here, so that it shows in no list of processes. */
export interface EdgeStart {
  readonly name: string;
  readonly port: number;
  readonly key: string;
}

/** edge process → demo. */
export type EdgeAnswer =
  | {
      readonly type: 'listening';
      readonly url: string;
      readonly port: number;
      readonly tiers: ReadonlyArray<{ readonly tier: string; readonly operationsPerSecond: number }>;
    }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };
