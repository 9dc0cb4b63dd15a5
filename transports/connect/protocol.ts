import { GodwitError } from '#core';
import { Link } from './gen/godwit/link/v1/link_pb.js';

/** Version of what is inside the frames of a link. Both ends of a pipe speak the same one. @public */
export const protocolVersion = 1;

/** Header of Attach, both ways, with {@link protocolVersion}. */
export const protocolHeader = 'godwit-protocol';

/** Where a link is attached. */
export const attachPath = `/${Link.typeName}/${Link.method.attach.name}`;

/** Streams of binary messages in the Connect protocol. */
export const attachContentType = 'application/connect+proto';

/** The refusal of a far side that speaks another protocol version, or none. */
export function versionError(theirs: string | undefined, where: string): GodwitError {
  const spoken = theirs === undefined ? 'no version' : `version ${theirs}`;
  return new GodwitError('FAILED_PRECONDITION', `${where} speaks ${spoken} of the link protocol, this node version ${protocolVersion}`);
}
