/** What one check of `godwit doctor` found. */
export interface Finding {
  /** `warn`: something will be missing or slow; `fail`: something will not work. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly check: string;
  readonly found: string;
  /** What to do; for every `warn` and `fail`. */
  readonly remedy?: string;
}
