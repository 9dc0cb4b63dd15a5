export { createSigner, moduleDirectory } from '#runtimes/platform';
export type { MetricName, Reading, Readings } from '#runtimes/telemetry';
export { type ControlledDevice, listControlledDevices } from './control-socket.js';
export type { EdgeStatus } from './edge-links.js';
export { createNotifier, type Notifier, type NotifierOptions } from './notifier.js';
export type { HostOffer, Lease, Offer, OfferedTier, Offload, SharedOffer } from './offer.js';
export type { Distance, OffloadHandler, RequestOptions } from './offload-handler.js';
export { type Device, type DeviceOptions, startDevice } from './start-device.js';
export type { Action, Condition, TriggerOptions } from './trigger.js';
