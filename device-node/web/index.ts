export type { HostOffer, Lease, Offer, Offload } from '../offer.js';
export type { OffloadHandler } from '../offload-handler.js';
export { startDevice, type WebDevice, type WebDeviceOptions } from './start-device.js';
export { startWorker, type WorkerOptions } from './start-worker.js';
