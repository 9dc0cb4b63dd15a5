// What a page and its workers ask each other beside their links, over Comlink.
import type { ProxyMarked } from 'comlink';
import type { Hash } from '#core';

/** What a worker has. */
export interface Capabilities {
  readonly definitions: readonly string[];
  readonly hostFunctions: readonly string[];
}

/** A worker's node, for its page. */
export interface WorkerControl {
  /** Called first. */
  meet(page: PageControl & ProxyMarked): void;
  capabilities(): Capabilities;
  blob(hash: Hash): Promise<Uint8Array>;
}

/** The page, for its workers: they reach each other through it. */
export interface PageControl {
  /** One end of a link to another worker. */
  connect(worker: string): MessagePort;
  /** A blob that the page's node, or a worker's, offered. */
  blobOf(node: string, hash: Hash): Promise<Uint8Array>;
}
