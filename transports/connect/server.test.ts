import { create, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import test from 'ava';
import { GodwitError } from '#core';
import { selfSigned } from '../test-support/certificate.js';
import { key, startNode } from '../test-support/node.js';
import { Health, HealthCheckRequestSchema, HealthCheckResponse_ServingStatus as Status } from './gen/grpc/health/v1/health_pb.js';
import { ServerReflection } from './gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from './gen/grpc/reflection/v1alpha/reflection_pb.js';
import { calling, createHealth, createServiceTransport } from './index.js';

const authorization = `Bearer ${key}`;
const checkPath = '/grpc.health.v1.Health/Check';

function post(url: string, headers: Record<string, string>, body = '{}'): Promise<Response> {
  return fetch(url + checkPath, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
}

test('server: a JSON call over HTTP/1.1 is answered in JSON', async (t) => {
  const { url } = await startNode(t);

  const response = await post(url, { authorization });

  t.is(response.status, 200);
  t.deepEqual(await response.json(), { status: 'SERVING' });
});

test('server: a call without the key or with a wrong one is refused 401 with a Connect error', async (t) => {
  const { url } = await startNode(t);

  for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
    const response = await post(url, headers as Record<string, string>);

    t.is(response.status, 401);
    t.is(((await response.json()) as { code: string }).code, 'unauthenticated');
  }
});

test('server: a call to one whose certificate is not trusted fails UNAUTHENTICATED and says what to give', async (t) => {
  const { url } = await startNode(t, { tls: selfSigned() });
  const client = createClient(Health, createServiceTransport(url, { key }));

  const error = await t.throwsAsync(
    calling(url, () => client.check({})),
    { instanceOf: GodwitError },
  );

  t.is(error.code, 'UNAUTHENTICATED');
  t.regex(error.message, /NODE_EXTRA_CA_CERTS/);
});

test('server: /healthz answers without a key and follows the health of the node', async (t) => {
  const health = createHealth();
  const { url } = await startNode(t, { health });

  const before = await fetch(`${url}/healthz`);
  health.set('', false);
  const after = await fetch(`${url}/healthz`);

  t.deepEqual([before.status, await before.json()], [200, { status: 'SERVING' }]);
  t.deepEqual([after.status, await after.json()], [503, { status: 'NOT_SERVING' }]);
});

test('server: a gRPC client checks and watches health', async (t) => {
  const health = createHealth();
  const { url } = await startNode(t, { health });
  const client = createClient(
    Health,
    createGrpcTransport({
      baseUrl: url,
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', authorization);
          return next(request);
        },
      ],
    }),
  );
  const seen: Status[] = [];

  for await (const { status } of client.watch({ service: 'vision' })) {
    seen.push(status);
    if (seen.length === 3) break;
    health.set('vision', seen.length === 1);
  }
  const unknown = await t.throwsAsync(client.check({ service: 'nothing' }), { instanceOf: ConnectError });

  t.deepEqual(seen, [Status.SERVICE_UNKNOWN, Status.SERVING, Status.NOT_SERVING]);
  t.is(unknown.code, Code.NotFound);
});

for (const [version, service] of [
  ['v1', ServerReflection],
  ['v1alpha', ServerReflectionAlpha],
] as const) {
  test(`reflection ${version}: lists services and gives the file of a symbol`, async (t) => {
    const { url } = await startNode(t);
    const client = createClient(service as typeof ServerReflection, createServiceTransport(url, { key }));
    const ask = async function* () {
      yield { messageRequest: { case: 'listServices', value: '' } } as const;
      yield { messageRequest: { case: 'fileContainingSymbol', value: 'godwit.link.v1.Link.Attach' } } as const;
      yield { messageRequest: { case: 'fileByFilename', value: 'grpc/health/v1/health.proto' } } as const;
      yield { messageRequest: { case: 'fileContainingSymbol', value: 'no.such.Thing' } } as const;
    };
    const answers = [];

    for await (const { messageResponse } of client.serverReflectionInfo(ask())) answers.push(messageResponse);

    const [list, link, health, nothing] = answers;
    t.deepEqual(list?.case === 'listServicesResponse' && list.value.service.map(({ name }) => name), [
      'godwit.link.v1.Link',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
    const names = [link, health].map(
      (answer) => answer?.case === 'fileDescriptorResponse' && fromBinary(FileDescriptorProtoSchema, answer.value.fileDescriptorProto[0]).name,
    );
    t.deepEqual(names, ['godwit/link/v1/link.proto', 'grpc/health/v1/health.proto']);
    t.is(nothing?.case === 'errorResponse' && nothing.value.errorCode, Code.NotFound);
  });
}

test('server: what a service throws reaches the caller as the same GodwitError', async (t) => {
  const { url } = await startNode(t, {
    routes: (router) =>
      router.rpc(Health.method.check, () => {
        throw new GodwitError('RESOURCE_EXHAUSTED', 'no lease is free', { node: 'édge-1', retryable: false });
      }),
  });
  const client = createClient(Health, createServiceTransport(url, { key }));

  const error = await t.throwsAsync(
    calling(url, () => client.check(create(HealthCheckRequestSchema))),
    { instanceOf: GodwitError },
  );

  t.like(error, { code: 'RESOURCE_EXHAUSTED', message: 'no lease is free', node: 'édge-1', retryable: false });
});

test('server: over TLS one port serves calls by HTTP/2', async (t) => {
  const tls = selfSigned();
  const { url } = await startNode(t, { tls });
  const client = createClient(Health, createServiceTransport(url, { key, tls: { ca: tls.cert } }));

  const { status } = await client.check({});

  t.is(status, Status.SERVING);
});

test('server: a port in use is refused ALREADY_EXISTS, naming it and what to do', async (t) => {
  const { server } = await startNode(t);

  const error = await t.throwsAsync(startNode(t, { port: server.port }), { instanceOf: GodwitError });

  t.is(error.code, 'ALREADY_EXISTS');
  t.regex(error.message, new RegExp(`port ${server.port} .*another port`));
});

test('server: other paths go to the fallback with the identity of whoever asks', async (t) => {
  const { url } = await startNode(t, { fallback: (_request, response, identity) => void response.end(identity?.subject ?? 'nobody') });

  const bodies = [await fetch(`${url}/page`), await fetch(`${url}/page`, { headers: { authorization } })].map((response) => response.text());

  t.deepEqual(await Promise.all(bodies), ['nobody', 'shared-key']);
});
