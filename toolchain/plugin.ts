import { relative, resolve } from 'node:path';
import { createUnplugin, type UnpluginInstance } from 'unplugin';
import { GodwitError, type Signer } from '#core';
import { analyse, formatFindings, transform } from './analysis/index.js';
import { build } from './build.js';

/** What the plugin takes. @public */
export interface PluginOptions {
  /**
   * Directory for the edge's side: a module of every actor and elastic function that the bundle was made of, as `godwit build` writes them, once the
   * bundle is written, and again whenever it is. Give it to the device: `moduleDirectory(DIR)`. Default: none is built.
   */
  readonly modules?: string;
  /** Signs the modules. */
  readonly signer?: Signer;
}

/**
 * The build plugin: checks what actors and elastic functions capture, and tells them what the runtime needs to move them.
 * `godwit.vite()`, `godwit.esbuild()` and so on; it comes before other plugins, since it reads what was written. A finding fails the build, in
 * watch mode until it is corrected.
 * @public
 */
export const godwit: UnpluginInstance<PluginOptions | undefined, false> = createUnplugin((options: PluginOptions | undefined) => {
  const { modules, signer } = options ?? {};
  const tagging = new Set<string>();
  return {
    name: 'godwit',
    enforce: 'pre',
    transform: {
      filter: { id: { include: /\.[cm]?[jt]sx?(\?|$)/, exclude: /[\\/]node_modules[\\/]/ }, code: /use elastic|godwit/ },
      async handler(code, id) {
        const [path = id] = id.split('?');
        if (modules !== undefined) await note(tagging, code, path);
        const transformed = await transform(code, relative('', path), { side: 'device' });
        if (transformed === undefined) return undefined;
        const { findings, map } = transformed;
        const [first] = findings;
        if (first !== undefined) {
          const error = new GodwitError('INVALID_ARGUMENT', `what may move cannot:\n\n${formatFindings(findings)}`, { details: { findings } });
          const loc = { file: path, line: first.line, column: first.column - 1 };
          return this.error(Object.assign(error, { id: path, loc, pluginCode: first.code }));
        }
        return { code: transformed.code, map };
      },
    },
    async writeBundle() {
      if (modules === undefined || tagging.size === 0) return;
      await build({ sources: [...tagging].sort(), out: resolve(modules), ...(signer === undefined ? {} : { signer }) });
    },
  };
});

/** Remembers whether a file has anything that may move. */
async function note(tagging: Set<string>, code: string, path: string): Promise<void> {
  const { definitions, elasticFunctions } = await analyse(code, path);
  if (definitions.length + elasticFunctions.length > 0) tagging.add(path);
  else tagging.delete(path);
}
