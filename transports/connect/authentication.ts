import { createHash, timingSafeEqual } from 'node:crypto';
import { type ContextKey, createContextKey } from '@connectrpc/connect';
import { GodwitError } from '#core';

/** Who is at the far side. @public */
export interface Identity {
  /** A name for logs and quotas; with a shared key everybody is 'shared-key'. */
  readonly subject: string;
}

/** What a request brought to prove who sent it. @public */
export interface Credentials {
  /** The `authorization` header as it came. */
  readonly authorization: string | undefined;
}

/** Decides who sent a request; undefined lets it in nowhere (UNAUTHENTICATED). Must not throw. @public */
export type Authenticate = (credentials: Credentials) => Identity | undefined;

/** The identity of the caller, for services: `context.values.get(identityKey)`. @public */
export const identityKey: ContextKey<Identity | undefined> = createContextKey<Identity | undefined>(undefined, { description: 'godwit identity' });

const scheme = 'Bearer ';

/** Lets in whoever presents `key`, compared in constant time. @throws {GodwitError} INVALID_ARGUMENT the key is empty @public */
export function sharedKey(key: string): Authenticate {
  const expected = digest(bearer(key));
  return ({ authorization }) => (authorization !== undefined && timingSafeEqual(digest(authorization), expected) ? { subject: 'shared-key' } : undefined);
}

/** The `authorization` header that presents `key`. @throws {GodwitError} INVALID_ARGUMENT the key is empty or no header can carry it */
export function bearer(key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new GodwitError('INVALID_ARGUMENT', 'the shared key must be one or more printable ASCII characters without spaces');
  return scheme + key;
}

// Equal lengths, as timingSafeEqual wants them, whatever came.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
