import { relative } from 'node:path';
import { createUnplugin, type UnpluginInstance } from 'unplugin';
import { GodwitError } from '#core';
import { formatFindings, transform } from './analysis/index.js';

/**
 * The build plugin: checks what actors and elastic functions capture, and tells them what the runtime needs to move them.
 * `godwit.vite()`, `godwit.esbuild()` and so on; it comes before other plugins, since it reads what was written. A finding fails the build, in
 * watch mode until it is corrected.
 * @public
 */
export const godwit: UnpluginInstance<undefined, false> = createUnplugin(() => ({
  name: 'godwit',
  enforce: 'pre',
  transform: {
    filter: { id: { include: /\.[cm]?[jt]sx?(\?|$)/, exclude: /[\\/]node_modules[\\/]/ }, code: /use elastic|godwit/ },
    async handler(code, id) {
      const [path = id] = id.split('?');
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
}));
