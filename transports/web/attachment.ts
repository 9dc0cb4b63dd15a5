// How a page is linked to its workers. For each link it posts the worker one end of a message channel, and one more for control; what the
// application itself posts to the worker passes by. The worker's own port is used for nothing else:
//   { godwit: 'link' | 'control', node, port }     page → worker; `node` is the name of the worker's node
import type { Clock, Transport } from '#core';
import { abortError } from '../abort.js';
import { createPortPipe, type PipePort } from '../worker/index.js';

/** What is needed of a `Worker`, as its page has it. @public */
export interface PortSender {
  postMessage(message: unknown, transfer: never[]): void;
}

/** What is needed of the global scope of a worker. @public */
export interface WorkerScope {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

interface Attachment {
  readonly godwit: 'link' | 'control';
  readonly node: string;
  readonly port: PipePort;
}

/** Links over ports. @param connect the near end of a new link to the node at `address` */
export function createPortTransport(connect: (address: string) => PipePort | Promise<PipePort>, clock: Clock): Transport {
  return {
    async dial(address, signal) {
      if (signal?.aborted) throw abortError(signal, `dialling ${address}`);
      return createPortPipe(await connect(address), { clock });
    },
  };
}

/** The near end of a new link to a worker. One that still loads finds the other end waiting. */
export function attachLink(worker: PortSender, node: string): PipePort {
  return attach(worker, 'link', node);
}

/** A port to whoever answers for the worker's node. */
export function requestControl(worker: PortSender, node: string): PipePort {
  return attach(worker, 'control', node);
}

function attach(worker: PortSender, godwit: Attachment['godwit'], node: string): PipePort {
  const { port1, port2 } = new MessageChannel();
  const attachment: Attachment = { godwit, node, port: port2 };
  worker.postMessage(attachment, [port2] as never[]);
  return port1;
}

/** The worker's side: hands over what the page attaches, from now on. */
export function acceptAttachments(scope: WorkerScope, on: { [kind in Attachment['godwit']]: (node: string, port: PipePort) => void }): void {
  scope.addEventListener('message', ({ data }) => {
    if (isAttachment(data)) on[data.godwit](data.node, data.port);
  });
}

function isAttachment(data: unknown): data is Attachment {
  return typeof data === 'object' && data !== null && 'godwit' in data && (data.godwit === 'link' || data.godwit === 'control');
}
