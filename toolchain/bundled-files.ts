// Which files a bundle was made of. A bundler in watch mode calls a plugin for what changed, and tells nobody what it no longer bundles; so
// its own module graph is asked, each time a bundle was written without errors, and nothing is remembered from one to the next.
import { resolve } from 'node:path';
import type { Metafile } from 'esbuild';
import type { UnpluginContextMeta, UnpluginOptions } from 'unplugin';
import { GodwitError } from '#core';

/** Told of a bundle that was written. @param bundle the same each time it is made again @param files that it was made of, as bundlers name them */
export type WhenBundled = (bundle: unknown, files: Iterable<string>) => Promise<void>;

/** What this looks at of Rollup's plugin context, which Vite and Rolldown have too. */
interface RollupContext {
  getModuleIds(): Iterable<string>;
}

/** What this looks at of webpack, and Rspack has too. */
interface Compiler {
  readonly hooks: { readonly afterEmit: { tapPromise(name: string, done: (compilation: Compilation) => Promise<void>): void } };
}

interface Compilation {
  readonly errors: Iterable<unknown>;
  readonly fileDependencies: Iterable<string>;
}

/**
 * Hooks of each bundler that call `done` when a bundle was written.
 * @throws {GodwitError} UNIMPLEMENTED this bundler does not tell what it bundled
 */
export function whenBundled(framework: UnpluginContextMeta['framework'], done: WhenBundled): Partial<UnpluginOptions> {
  const rollup = {
    async writeBundle(this: RollupContext, { file, dir }: { readonly file?: string | undefined; readonly dir?: string | undefined }) {
      await done(resolve(file ?? dir ?? ''), this.getModuleIds());
    },
  };
  const webpack = (compiler: Compiler) => {
    compiler.hooks.afterEmit.tapPromise('godwit', async ({ errors, fileDependencies }) => {
      if ([...errors].length === 0) await done(compiler, fileDependencies);
    });
  };
  const hooks: Partial<Record<UnpluginContextMeta['framework'], Partial<UnpluginOptions>>> = {
    vite: { vite: rollup },
    rollup: { rollup },
    rolldown: { rolldown: rollup },
    webpack: { webpack },
    rspack: { rspack: webpack },
    esbuild: {
      esbuild: {
        setup(build) {
          const options = build.initialOptions;
          options.metafile = true;
          build.onEnd(async ({ errors, metafile }) => {
            if (errors.length === 0 && metafile !== undefined) await done(build, inputsOf(metafile, options.absWorkingDir));
          });
        },
      },
    },
  };
  const known = hooks[framework];
  if (known !== undefined) return known;
  throw new GodwitError(
    'UNIMPLEMENTED',
    `the plugin cannot build modules with ${framework}, which does not tell what it bundled: leave out modules, and run godwit build`,
  );
}

function inputsOf({ inputs }: Metafile, folder = ''): string[] {
  return Object.keys(inputs).map((path) => resolve(folder, path));
}
