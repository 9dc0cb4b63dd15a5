import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import { ServerReflection } from './gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from './gen/grpc/reflection/v1alpha/reflection_pb.js';

type Request = { readonly case: string; readonly value: unknown } | { readonly case: undefined; readonly value?: undefined };
type Answer =
  | { readonly case: 'fileDescriptorResponse'; readonly value: { readonly fileDescriptorProto: Uint8Array[] } }
  | { readonly case: 'allExtensionNumbersResponse'; readonly value: { readonly baseTypeName: string; readonly extensionNumber: number[] } }
  | { readonly case: 'listServicesResponse'; readonly value: { readonly service: Array<{ readonly name: string }> } }
  | { readonly case: 'errorResponse'; readonly value: { readonly errorCode: number; readonly errorMessage: string } };

/** Serves gRPC server reflection (v1 and v1alpha, which say the same) for whatever the router serves. Call it after the other services. */
export function serveReflection(router: ConnectRouter): void {
  const described = () => new Set(router.handlers.map((handler) => handler.service));
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests)
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(described(), request.messageRequest) };
    },
  });
  router.service(ServerReflectionAlpha, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests)
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(described(), request.messageRequest) };
    },
  });
}

function answer(services: ReadonlySet<DescService>, request: Request): Answer {
  const name = typeof request.value === 'string' ? request.value : '';
  switch (request.case) {
    case 'listServices':
      return {
        case: 'listServicesResponse',
        value: { service: [...services].map(({ typeName }) => ({ name: typeName })).sort((a, b) => (a.name < b.name ? -1 : 1)) },
      };
    case 'fileByFilename':
      return files(
        filesOf(services).find(({ proto }) => proto.name === name),
        `no file ${name} is known to this server`,
      );
    case 'fileContainingSymbol':
      return files(
        filesOf(services).find((file) => symbolsOf(file).has(name)),
        `no symbol ${name} is known to this server`,
      );
    case 'allExtensionNumbersOfType':
      if (filesOf(services).some((file) => file.messages.some(({ typeName }) => typeName === name))) {
        return { case: 'allExtensionNumbersResponse', value: { baseTypeName: name, extensionNumber: [] } };
      }
      return failure(Code.NotFound, `no message ${name} is known to this server`);
    case 'fileContainingExtension':
      return failure(Code.NotFound, 'no extensions are known to this server');
    default:
      return failure(Code.InvalidArgument, 'the reflection request asks for nothing');
  }
}

function failure(code: Code, message: string): Answer {
  return { case: 'errorResponse', value: { errorCode: code, errorMessage: message } };
}

/** A file with all it imports, so that one answer is enough to understand it. */
function files(file: DescFile | undefined, missing: string): Answer {
  if (file === undefined) return failure(Code.NotFound, missing);
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: withImports([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto)) } };
}

function filesOf(services: ReadonlySet<DescService>): DescFile[] {
  return withImports([...services].map(({ file }) => file));
}

function withImports(roots: readonly DescFile[]): DescFile[] {
  const found = new Set<DescFile>();
  const visit = (file: DescFile) => {
    if (found.has(file)) return;
    found.add(file);
    file.dependencies.forEach(visit);
  };
  roots.forEach(visit);
  return [...found];
}

/** Full names of what a file defines: services, methods, messages with their fields, enums. */
function symbolsOf(file: DescFile): Set<string> {
  const names = new Set<string>();
  for (const service of file.services) {
    names.add(service.typeName);
    for (const method of service.methods) names.add(`${service.typeName}.${method.name}`);
  }
  const visit = (message: DescFile['messages'][number]) => {
    names.add(message.typeName);
    for (const field of message.fields) names.add(`${message.typeName}.${field.name}`);
    for (const nested of message.nestedEnums) names.add(nested.typeName);
    message.nestedMessages.forEach(visit);
  };
  file.messages.forEach(visit);
  for (const { typeName } of file.enums) names.add(typeName);
  return names;
}
