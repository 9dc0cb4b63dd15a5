export { acceptAttachments, attachLink, createPortTransport, type PortSender, requestControl, type WorkerScope } from './attachment.js';
