// A bare Connect bidirectional stream of opaque bytes, with Connect's own client and server and the windows of our transport.
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { create, createFileRegistry, type DescMethodBiDiStreaming } from '@bufbuild/protobuf';
import { type BytesValueSchema, FileDescriptorProtoSchema, file_google_protobuf_wrappers } from '@bufbuild/protobuf/wkt';
import { createWritableIterable } from '@connectrpc/connect/protocol';
import { connectNodeAdapter, createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { RecordStream } from './record-stream.js';

type Bytes = typeof BytesValueSchema;

/** `rpc Stream(stream BytesValue) returns (stream BytesValue)`, described here since it is no part of the protocol. */
const method = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'opaque.proto',
    package: 'godwit.benchmarks',
    syntax: 'proto3',
    dependency: ['google/protobuf/wrappers.proto'],
    service: [
      {
        name: 'Opaque',
        method: [
          { name: 'Stream', inputType: '.google.protobuf.BytesValue', outputType: '.google.protobuf.BytesValue', clientStreaming: true, serverStreaming: true },
        ],
      },
    ],
  }),
  () => file_google_protobuf_wrappers,
).getService('godwit.benchmarks.Opaque')?.methods[0] as DescMethodBiDiStreaming<Bytes, Bytes>;

const mebibyte = 1024 * 1024;
const http2Options = { settings: { initialWindowSize: 16 * mebibyte, maxFrameSize: mebibyte }, maxSessionMemory: 256 };
const limits = { readMaxBytes: 64 * mebibyte, writeMaxBytes: 64 * mebibyte, acceptCompression: [] };

/** A server of the stream; not listening yet. */
export function createOpaqueServer(): Http2Server {
  const handler = connectNodeAdapter({
    ...limits,
    routes: (router) =>
      router.rpc(method, (requests) => {
        const responses = createWritableIterable<{ value: Uint8Array }>();
        const records = new RecordStream((value) => void responses.write({ value }));
        void (async () => {
          for await (const { value } of requests) records.receive(value);
          responses.close();
        })().catch(() => responses.close());
        return responses;
      }),
  });
  const server = createServer(http2Options, handler);
  server.on('session', (session: ServerHttp2Session) => session.setLocalWindowSize(64 * mebibyte));
  return server;
}

/** A client of the stream. */
export function openOpaqueStream(address: string): { readonly records: RecordStream; close(): void } {
  const sessionManager = new Http2SessionManager(address, {}, http2Options);
  const transport = createConnectTransport({ baseUrl: address, httpVersion: '2', sessionManager, ...limits });
  const requests = createWritableIterable<{ value: Uint8Array }>();
  const records = new RecordStream((value) => void requests.write({ value }));
  void (async () => {
    const responses = await transport.stream(method, undefined, undefined, undefined, requests);
    for await (const { value } of responses.message) records.receive(value);
  })().catch(() => {});
  return {
    records,
    close() {
      requests.close();
      sessionManager.abort();
    },
  };
}
