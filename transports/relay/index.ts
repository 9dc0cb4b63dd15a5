export { type Direction, type Relay, type RelayOptions, relay } from './relay.js';
