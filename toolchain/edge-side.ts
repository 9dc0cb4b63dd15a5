import { readFile } from 'node:fs/promises';
import { dirname, extname, relative } from 'node:path';
import remapping from '@jridgewell/remapping';
import type { Loader, PartialMessage, Plugin } from 'esbuild';
import { type Finding, formatFindings, transform } from './analysis/index.js';
import { atOrigin, originMap } from './origin.js';

const loaders: Readonly<Record<string, Loader>> = { '.ts': 'ts', '.mts': 'ts', '.cts': 'ts', '.tsx': 'tsx', '.jsx': 'jsx' };

/** Makes esbuild bundle the edge side of every module; one that captures what it may not is refused, with its findings as the error's detail. */
export const edgeSide: Plugin = {
  name: 'godwit-edge-side',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
      const code = await readFile(path, 'utf8');
      const transformed = await transform(code, relative('', path), { side: 'edge' });
      if (transformed === undefined) return undefined;
      if (transformed.findings.length > 0) {
        const findings = await Promise.all(transformed.findings.map((finding) => atOrigin(finding, path, code)));
        return { errors: findings.map(messageOf) };
      }
      const map = Buffer.from(await mapToOrigin(transformed.map, path, code)).toString('base64');
      return { contents: `${transformed.code}\n//# sourceMappingURL=data:application/json;base64,${map}`, loader: loaders[extname(path)] ?? 'js' };
    });
  },
};

/** The map of a transformed file; of compiled code, onwards to what it was compiled from. */
async function mapToOrigin(map: string, path: string, code: string): Promise<string> {
  const origin = await originMap(path, code);
  if (origin === undefined) return map;
  const sources = origin.sources.map((source) => relative(dirname(path), source));
  return remapping([map, JSON.stringify({ ...origin, sources })], () => null).toString();
}

/** The findings among what esbuild refused. */
export function findingsOf(errors: readonly { readonly detail: unknown }[]): Finding[] {
  return errors.flatMap(({ detail }) => (isFinding(detail) ? [detail] : []));
}

function messageOf(finding: Finding): PartialMessage {
  const { file, line, column } = finding;
  return { text: formatFindings([finding]), location: { file, line, column: column - 1 }, detail: finding };
}

function isFinding(detail: unknown): detail is Finding {
  return typeof detail === 'object' && detail !== null && 'code' in detail && 'frame' in detail;
}
