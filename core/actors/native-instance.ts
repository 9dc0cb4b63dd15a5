import type { Tier } from '../ports/module-source.js';
import type { Instance, InstanceHost } from '../ports/runtime.js';
import { Behaviour } from './behaviour.js';
import type { AnyDefinition, Protocol } from './definition.js';

/** An actor whose turns run in this very heap: its records need no encoding and its turns no hop. */
export class NativeInstance extends Behaviour implements Instance {
  readonly tier: Tier = 'native';
  // A synchronous turn ends before the next could be handed over, so there is nothing to gain by handing over more.
  readonly pipelining = 1;

  constructor(
    address: string,
    definition: AnyDefinition | undefined,
    host: InstanceHost,
    readonly place: string,
  ) {
    super(address, definition, host);
  }

  get protocol(): Protocol | undefined {
    return this.definition?.protocol;
  }

  close(): void {
    this.retire();
  }
}
