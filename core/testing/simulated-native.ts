import { NativeInstance } from '../actors/native-instance.js';
import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { ModuleSource } from '../ports/module-source.js';
import type { Runtime, Turn } from '../ports/runtime.js';
import type { Life } from './life.js';
import { sha256 } from './sha256.js';

/** A native actor of a simulated node: begins no turn once its node is dead, and learns nothing of its death. */
class SimulatedInstance extends NativeInstance {
  life!: Life;

  override turn(turn: Turn): void {
    if (!this.life.dead) super.turn(turn);
  }

  override close(): void {
    if (!this.life.dead) super.close();
  }
}

/** Runs the actors of one life of a simulated node in this heap, as the native tier does, and says that the node is simulated. */
export function createSimulatedRuntime(life: Life): Runtime {
  return {
    tier: 'native',
    description: `native, on the simulated node ${life.node}`,
    async warm() {},
    async create(spec, host) {
      if (spec.definition === undefined)
        throw new GodwitError('NOT_FOUND', `simulated node ${life.node} has no definition for ${spec.address}: give it 'definitions'`);
      const instance = new SimulatedInstance(spec.address, spec.definition, host, `simulated native on ${life.node}`);
      instance.life = life;
      instance.begin(spec.capture);
      return instance;
    },
    async close() {},
  };
}

const modules = new Map<string, Promise<Awaited<ReturnType<ModuleSource['module']>>>>();

/** Modules of definitions that both ends have: the program is a placeholder that says so. */
export const simulatedModules: ModuleSource = {
  module(definition, version) {
    const name = `${definition}@${version}`;
    let module = modules.get(name);
    if (module === undefined) {
      const program = new TextEncoder().encode(`// simulated: both nodes have ${name} natively`);
      const hash: Hash = sha256(program);
      const manifest = {
        definition,
        version,
        tier: 'native',
        program: hash,
        programBytes: program.length,
        hostFunctions: [],
        models: {},
        needs: { memoryBytes: 0, models: [] },
        limits: {},
      } as const;
      module = Promise.resolve({ manifest, blobs: new Map([[hash, program]]) });
      modules.set(name, module);
    }
    return module;
  },
};
