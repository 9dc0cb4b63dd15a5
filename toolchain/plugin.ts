import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { createUnplugin, type UnpluginInstance } from 'unplugin';
import { GodwitError, type Signer } from '#core';
import { analyse, formatFindings, transform } from './analysis/index.js';
import { build } from './build.js';
import { type WhenBundled, whenBundled } from './bundled-files.js';

/** What the plugin takes. @public */
export interface PluginOptions {
  /**
   * Directory for the edge's side: a module of every actor and elastic function that the bundle was made of, as `godwit build` writes them, once the
   * bundle is written without errors, and again whenever it is. Give it to the device: `moduleDirectory(DIR)`. Default: none is built.
   */
  readonly modules?: string;
  /** Signs the modules. */
  readonly signer?: Signer;
}

const ours = { include: /\.[cm]?[jt]sx?(\?|$)/, exclude: /[\\/]node_modules[\\/]/ };

/**
 * The build plugin: checks what actors and elastic functions capture, and tells them what the runtime needs to move them.
 * `godwit.vite()`, `godwit.esbuild()` and so on; it comes before other plugins, since it reads what was written. A finding fails the build, in
 * watch mode until it is corrected.
 * @public
 */
export const godwit: UnpluginInstance<PluginOptions | undefined, false> = createUnplugin((options: PluginOptions | undefined, { framework }) => ({
  name: 'godwit',
  enforce: 'pre',
  transform: {
    filter: { id: ours, code: /use elastic|godwit/ },
    async handler(code, id) {
      const path = pathOf(id);
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
  ...(options?.modules === undefined ? {} : whenBundled(framework, moduleWriter(resolve(options.modules), options.signer))),
}));

/** Writes the modules of every bundle of one plugin, one build after another: a bundle that is made again replaces what it brought before. */
function moduleWriter(out: string, signer: Signer | undefined): WhenBundled {
  const sources = new Map<unknown, readonly string[]>();
  let written: Promise<unknown> = Promise.resolve();
  return async (bundle, files) => {
    sources.set(bundle, await taggingFiles(files));
    const write = async () => {
      const all = new Set([...sources.values()].flat());
      if (all.size > 0) await build({ sources: [...all].sort(), out, ...(signer === undefined ? {} : { signer }) });
    };
    written = written.then(write, write);
    await written;
  };
}

/** Those of `files` that have anything that may move. One that does not parse is for the build to refuse. */
async function taggingFiles(files: Iterable<string>): Promise<string[]> {
  const tagging = new Set<string>();
  for (const path of new Set([...files].filter((id) => ours.include.test(id) && !ours.exclude.test(id)).map(pathOf))) {
    // A bundler has modules that are no files.
    const code = await readFile(path, 'utf8').catch(() => undefined);
    if (code === undefined) continue;
    const { definitions, elasticFunctions, findings } = await analyse(code, path);
    if (findings.length > 0 || [...definitions, ...elasticFunctions].some(({ exportName }) => exportName !== undefined)) tagging.add(path);
  }
  return [...tagging];
}

/** What a bundler names a module by may have a query behind its path. */
function pathOf(id: string): string {
  const [path = id] = id.split('?');
  return path;
}
