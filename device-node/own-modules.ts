import { type AnyDefinition, GodwitError, type ModuleSource, stateSchemaOf } from '#core';
import { nodeDigest, type SourceMaps } from '#runtimes/platform';

/**
 * A device's modules, each checked against the definition that runs here: one that was built from another state would read this one wrongly.
 * The source maps that come with them are kept for stacks from afar. Its `module` fails with FAILED_PRECONDITION then.
 */
export function ownModules(modules: ModuleSource, definitionOf: (name: string) => AnyDefinition | undefined, maps: SourceMaps): ModuleSource {
  return {
    async module(name, version) {
      const module = await modules.module(name, version);
      const { stateSchema, program } = module.manifest;
      if (module.map !== undefined) maps.add(program, module.map);
      const own = definitionOf(name);
      if (own?.version !== module.manifest.version || stateSchema === undefined || stateSchema === (await stateSchemaOf(own, nodeDigest))) return module;
      throw new GodwitError(
        'FAILED_PRECONDITION',
        `the module of ${name} v${version} was built for another state than the ${name} that runs here: build it again, and raise its version if an older one is about`,
      );
    },
  };
}
