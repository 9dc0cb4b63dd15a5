import { builtinModules, type SourceMapPayload } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildFailure, BuildResult, Metafile, Plugin } from 'esbuild';
import { GodwitError } from '#core';
import { type Finding, formatFindings } from './analysis/index.js';
import { edgeSide, findingsOf } from './edge-side.js';
import { checkImportedGlobals, isUsers } from './imported-globals.js';
import { portableMap } from './source-map.js';

/** One self-contained ECMAScript file, from a definition's source file and the guest loop. */
export interface Program {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Leads from the program back to its sources, which it contains: it never leaves home. */
  readonly map: string;
}

const guestEntry = fileURLToPath(import.meta.resolve('#runtimes/guest'));
const coreEntry = fileURLToPath(import.meta.resolve('#core'));
const builtins = new Set(builtinModules);
const entryName = 'godwit-program';

/**
 * Bundles the module at `source` (an absolute path) with the guest loop: every actor definition it exports can run from the result.
 * Reproducible: the same files give the same bytes, wherever they lie.
 * @param subject what is bundled, for errors: 'actor definition map', 'src/actors.ts'
 * @throws {GodwitError} FAILED_PRECONDITION esbuild or the parser is not installed · INVALID_ARGUMENT the source does not bundle, captures what it may not
 * (`details.findings` tells what), or what remains of it imports a Node builtin
 */
export async function bundleProgram(source: string, subject: string): Promise<Program> {
  const { build } = await loadEsbuild();
  let result: BuildResult<{ metafile: true; write: false }>;
  try {
    result = await build({
      stdin: {
        contents: `import { serve } from '${slashed(guestEntry)}';\nimport * as program from '${slashed(source)}';\nserve(program);\n`,
        sourcefile: entryName,
        resolveDir: '.',
      },
      bundle: true,
      format: 'iife',
      target: 'es2022',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['import', 'default'],
      minify: true,
      legalComments: 'none',
      metafile: true,
      sourcemap: 'external',
      outfile: join(dirname(source), 'program.js'),
      write: false,
      logLevel: 'silent',
      plugins: [oneCore, externalBuiltins, edgeSide],
    });
  } catch (thrown) {
    throw bundleError(thrown, subject);
  }
  refuseBuiltins(result.metafile, subject);
  const file = result.outputFiles.find(({ path }) => path.endsWith('.js'));
  const map = result.outputFiles.find(({ path }) => path.endsWith('.map'));
  if (file === undefined || map === undefined) throw new GodwitError('INTERNAL', `esbuild gave no program for ${subject}`);
  const others = keptInputs(result.metafile).filter((path) => path !== entryName && resolve(path) !== source);
  if (others.some((path) => isUsers(resolve(path)))) {
    const chainOf = (path: string) => importChain(result.metafile, relative('', path));
    const findings = await checkImportedGlobals(file.text, JSON.parse(map.text) as SourceMapPayload, map.path, chainOf);
    if (findings.length > 0) throw cannotMove(subject, findings);
  }
  return { bytes: new Uint8Array(file.contents), map: portableMap(map.text, dirname(source), entryName) };
}

/** esbuild is an optional peer: an edge never bundles. */
async function loadEsbuild(): Promise<typeof import('esbuild')> {
  try {
    return await import('esbuild');
  } catch (cause) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      'bundling actors needs esbuild: npm install esbuild (an optional peer of godwit), or ship the output of a build',
      { cause },
    );
  }
}

/** However the user's module names us, the program holds one core: the one the guest loop is built on. */
const oneCore: Plugin = {
  name: 'godwit-core',
  setup(build) {
    build.onResolve({ filter: /^(godwit|#core)$/ }, () => ({ path: coreEntry, sideEffects: false }));
  },
};

/** Builtins stay outside, without side effects: an import that nothing in the program uses disappears, one that is used is refused. */
const externalBuiltins: Plugin = {
  name: 'godwit-builtins',
  setup(build) {
    build.onResolve({ filter: /^[a-z_:/]+$/ }, ({ path }) => {
      const name = path.replace(/^node:/, '');
      return path.startsWith('node:') || builtins.has(name) ? { path: `node:${name}`, external: true, sideEffects: false } : undefined;
    });
  },
};

function refuseBuiltins(metafile: Metafile, subject: string): void {
  const used = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external === true));
  const [first] = used;
  if (first === undefined) return;
  const chain = importChain(metafile, first.path);
  throw new GodwitError(
    'INVALID_ARGUMENT',
    `${subject} cannot run in a guest: it imports ${first.path} (${chain.join(' → ')}); keep what needs Node out of that file, or behind a host function`,
    {
      details: { builtin: first.path, chain },
    },
  );
}

/** The files of which something is left in the program. */
function keptInputs({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
}

/** Shortest way from the entry to `goal` through what was kept; ends with `goal`. */
function importChain(metafile: Metafile, goal: string): string[] {
  const { inputs } = metafile;
  const kept = new Set(keptInputs(metafile));
  const entry = Object.keys(inputs).find((name) => name === entryName) ?? '';
  const from = new Map<string, string | undefined>([[entry, undefined]]);
  const queue = [entry];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const { path, external } of inputs[at]?.imports ?? []) {
      if (from.has(path) || (external !== true && !kept.has(path) && path !== entry)) continue;
      from.set(path, at);
      if (path === goal) {
        const chain: string[] = [];
        for (let step: string | undefined = goal; step !== undefined && step !== entry; step = from.get(step)) chain.unshift(step);
        return chain;
      }
      queue.push(path);
    }
  }
  return [goal];
}

function bundleError(thrown: unknown, subject: string): GodwitError {
  const errors = (thrown as Partial<BuildFailure>).errors;
  if (!Array.isArray(errors)) return GodwitError.from(thrown, 'INTERNAL');
  const findings = findingsOf(errors);
  if (findings.length > 0) return cannotMove(subject, findings);
  const lines = errors.map(({ text, location }) =>
    location === null || location.file === entryName ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
  );
  return new GodwitError('INVALID_ARGUMENT', `${subject} does not bundle: ${lines.join('; ')}`, { details: { errors: lines } });
}

function cannotMove(subject: string, findings: readonly Finding[]): GodwitError {
  return new GodwitError('INVALID_ARGUMENT', `${subject} cannot move:\n\n${formatFindings(findings)}`, { details: { findings } });
}

function slashed(path: string): string {
  return path.replaceAll('\\', '/').replaceAll("'", "\\'");
}
