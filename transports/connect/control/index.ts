// The control services as generated from the .proto files: descriptors for clients and servers, schemas for messages.
export * from '../gen/godwit/control/v1/control_pb.js';
export * from '../gen/godwit/control/v1/device_pb.js';
export * from '../gen/godwit/control/v1/inspection_pb.js';
export { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../gen/grpc/health/v1/health_pb.js';
