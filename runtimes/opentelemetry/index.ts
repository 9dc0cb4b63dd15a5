// Tracing, metrics and log correlation through the optional peer @opentelemetry/api.
export { loadOpenTelemetry, type OpenTelemetry } from './open-telemetry.js';
