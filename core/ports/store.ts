/**
 * What a node keeps beyond its own crash: the registers and bases of the actors it is home of. A flat map of named bytes with one writer.
 * It is opened before the node starts, so that a name spawned again at once finds its register.
 */
export interface Store {
  /** What former lives of the node had written, by key. Read once, at the node's start. */
  readonly found: ReadonlyMap<string, Uint8Array>;
  /**
   * Writes entries, and deletes those that are undefined: all of them or none. Resolves when a crash cannot undo it (fsync; IndexedDB
   * strict). Calls take effect in their order.
   * @throws {GodwitError} RESOURCE_EXHAUSTED the disk is full · UNAVAILABLE it cannot be written; nothing of the call is kept then
   */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>;
}
