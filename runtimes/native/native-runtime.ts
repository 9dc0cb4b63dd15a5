import { GodwitError, NativeInstance, type Runtime } from '#core';

/**
 * The tier that runs an actor's TypeScript as it is, in the node's own heap. The device's tier, in a browser too; also for edges that trust the code.
 * @param place what {@link ActorInfo} shows as the place of execution; default: the process
 */
export function createNativeRuntime(place = `native (process ${process.pid})`): Runtime {
  return {
    tier: 'native',
    description: typeof process === 'undefined' ? 'the JavaScript of the browser' : `V8 ${process.versions.v8}`,
    async warm() {},
    async create(spec, host) {
      if (spec.definition === undefined)
        throw new GodwitError('NOT_FOUND', `node ${spec.node} has no native code for ${spec.address}: give its definition to the node`);
      const instance = new NativeInstance(spec.address, spec.definition, host, place);
      instance.begin(spec.capture);
      return instance;
    },
    async close() {},
  };
}
