import { basename } from 'node:path';
import MagicString from 'magic-string';
import { check } from './analyse.js';
import type { Finding } from './findings.js';
import { parseModule } from './parse.js';
import { rewrite, type Side } from './rewrite.js';
import { slice } from './slice.js';
import { discover } from './tagged.js';
import { mayTag } from './tags.js';

/** What {@link transform} takes. @public */
export interface TransformOptions {
  /** 'device': every tag is told its source, `import.meta.url`. 'edge': what does not move is left out, and every tag is exported. */
  readonly side: Side;
}

/** A module as one side runs it. @public */
export interface Transformed {
  readonly code: string;
  /** Source map, version 3, as JSON; exact. */
  readonly map: string;
  /** If there are any, `code` is what came in. */
  readonly findings: readonly Finding[];
}

/**
 * Rewrites a module for one side of the build.
 * @param path names the file in findings and in the map, and its language by its extension
 * @returns undefined if the module stays as it is: it tags nothing, or does not parse
 * @throws {GodwitError} FAILED_PRECONDITION the parser is not installed
 * @public
 */
export async function transform(code: string, path: string, { side }: TransformOptions): Promise<Transformed | undefined> {
  if (!mayTag(code)) return undefined;
  const { module } = await parseModule(code, path);
  // What does not parse is the compiler's to report.
  if (module === undefined) return undefined;
  const discovery = discover(module);
  const findings = check(module, discovery);
  const text = new MagicString(code, { filename: path });
  const placed = discovery.tagged.filter(({ place }) => place !== undefined);
  if (findings.length === 0 && placed.length > 0) {
    if (side === 'edge') slice(module, discovery.tagged, text);
    rewrite({ module, tagged: placed, text, side });
  }
  if (findings.length === 0 && !text.hasChanged()) return undefined;
  // A source is named from where the map is: beside it.
  return { code: text.toString(), map: text.generateMap({ source: basename(path), hires: true, includeContent: true }).toString(), findings };
}
