import { fileURLToPath } from 'node:url';
import { type AnyDefinition, GodwitError, type ModuleSource } from '#core';
import { createModule, type Module, type ModuleOptions } from './module.js';
import { bundleProgram } from './program.js';

/** A module source that needs no build step. @public */
export interface Bundler extends ModuleSource {
  /**
   * Makes a definition shippable. @returns this bundler
   * @throws {GodwitError} INVALID_ARGUMENT the definition does not know its source file
   */
  add(definition: AnyDefinition): Bundler;
}

/**
 * Bundles definitions when they are first asked for, with esbuild. Each must have been given `source: import.meta.url`, and be exported by that file;
 * so must be the definitions of its children. What was bundled is kept for the life of the process.
 * @public
 */
export function bundler(definitions: readonly AnyDefinition[] = [], options: ModuleOptions = {}): Bundler {
  const source = new EsbuildBundler(options);
  for (const definition of definitions) source.add(definition);
  return source;
}

class EsbuildBundler implements Bundler {
  private readonly definitions = new Map<string, AnyDefinition>();
  private readonly modules = new Map<string, Promise<Module>>();

  constructor(private readonly options: ModuleOptions) {}

  add(definition: AnyDefinition): Bundler {
    if (definition.source === undefined) {
      throw new GodwitError(
        'INVALID_ARGUMENT',
        `actor definition ${definition.name} does not know its source file, so it cannot be bundled: pass source: import.meta.url to actor()`,
      );
    }
    const { name, version } = definition;
    if (version >= (this.definitions.get(name)?.version ?? 0)) this.definitions.set(name, definition);
    return this;
  }

  module(name: string, version: number): Promise<Module> {
    const definition = this.definitions.get(name);
    if (definition === undefined || definition.version < version) {
      const has = [...this.definitions.values()].map((known) => `${known.name} v${known.version}`).join(', ') || 'none';
      return Promise.reject(new GodwitError('NOT_FOUND', `no module for actor definition ${name} v${version}; this bundler has ${has}`));
    }
    const key = `${name} v${definition.version}`;
    const known = this.modules.get(key);
    if (known !== undefined) return known;
    const made = this.make(definition);
    this.modules.set(key, made);
    // A source that did not bundle may have been mended when it is asked for again.
    made.catch(() => this.modules.delete(key));
    return made;
  }

  private async make(definition: AnyDefinition): Promise<Module> {
    const { bytes, map } = await bundleProgram(pathOf(definition.source as string), `actor definition ${definition.name}`);
    return { ...(await createModule(definition, bytes, this.options)), map };
  }
}

/** `source` is a file URL or a path. */
function pathOf(source: string): string {
  return source.startsWith('file:') ? fileURLToPath(source) : source;
}
