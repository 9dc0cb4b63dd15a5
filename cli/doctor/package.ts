// Whether the package is whole, on a Node it runs on, with the packages beside it that it needs or may use.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Finding } from './finding.js';

interface PackageJson {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Why somebody wants an optional package. */
const peersFor: Readonly<Record<string, string>> = {
  esbuild: 'actors cannot be built here (godwit build, check) nor bundled when they first move: a device needs --modules',
  'oxc-parser': 'what actors capture cannot be checked: they cannot be built here, nor bundled when they first move',
  '@opentelemetry/api': 'nothing is traced: --otel, and { openTelemetry: true }, are refused',
  nact: 'godwit/nact has no actor system to bridge',
  'onnxruntime-node': "the host function 'nn' is slower: it infers in Wasm instead",
  '@tensorflow/tfjs-core': "the host function 'nn' has no Wasm to fall back on",
  '@tensorflow/tfjs-backend-wasm': "the host function 'nn' has no Wasm to fall back on",
  '@tensorflow/tfjs-converter': "the host function 'nn' has no Wasm to fall back on",
  '@jsquash/jpeg': "the host function 'image' decodes no JPEG",
};

/** Node, the package's own files, and the packages beside it. */
export async function checkPackage(): Promise<Finding[]> {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as PackageJson;
  return [
    nodeVersion(manifest.engines.node),
    ownFiles(manifest),
    ...(await Promise.all(Object.entries(manifest.dependencies).map(([name, version]) => dependency(name, version)))),
    ...(await Promise.all(Object.entries(manifest.peerDependencies).map(([name, range]) => peer(name, range)))),
  ];
}

function nodeVersion(range: string): Finding {
  const found = process.versions.node;
  if (isAtLeast(found, range.replace('>=', ''))) return { level: 'ok', check: 'node', found };
  return { level: 'fail', check: 'node', found, remedy: `install Node ${range}` };
}

function ownFiles({ version, exports, imports, bin }: PackageJson): Finding {
  const files = [...Object.values(exports), ...Object.values(imports), ...Object.values(bin)].filter((file) => !file.includes('*'));
  const missing = files.filter((file) => !existsSync(join(root, file)));
  const found = `${version}, ${files.length - missing.length} of ${files.length} entry points`;
  if (missing.length === 0) return { level: 'ok', check: 'godwit', found };
  return {
    level: 'fail',
    check: 'godwit',
    found: `${found}: ${missing.join(', ')} missing`,
    remedy: 'install the package again (from its sources: npm run build)',
  };
}

async function dependency(name: string, wanted: string): Promise<Finding> {
  const found = await installedVersion(name);
  if (found === wanted) return { level: 'ok', check: name, found };
  return { level: 'fail', check: name, found: found ?? 'not installed', remedy: `godwit was made and tested with ${wanted}: run npm install` };
}

async function peer(name: string, range: string): Promise<Finding> {
  const found = await installedVersion(name);
  if (found !== undefined && isInRange(found, range)) return { level: 'ok', check: name, found };
  const without = peersFor[name] ?? 'what needs it does not work';
  return {
    level: 'warn',
    check: name,
    found: found === undefined ? `not installed: ${without}` : `${found} is not ${range}: it may not work`,
    remedy: `if you need it: npm install '${name}@${range}'`,
  };
}

/** As Node looks for it: in node_modules here and above. */
async function installedVersion(name: string): Promise<string | undefined> {
  for (let folder = root; ; folder = dirname(folder)) {
    const file = join(folder, 'node_modules', name, 'package.json');
    if (existsSync(file)) return (JSON.parse(await readFile(file, 'utf8')) as { readonly version: string }).version;
    if (folder === dirname(folder)) return undefined;
  }
}

function partsOf(version: string): number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10));
}

function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [partsOf(version), partsOf(least)];
  const differing = want.findIndex((part, index) => (have[index] ?? 0) !== part);
  return differing === -1 || (have[differing] ?? 0) > (want[differing] ?? 0);
}

/** Whether all comparators of a range hold: `^1.2.3`, `>=1.2.3`, `<2`. */
function isInRange(version: string, range: string): boolean {
  return range.split(' ').every((comparator) => {
    const least = comparator.replace(/^\D+/, '');
    if (comparator.startsWith('<')) return !isAtLeast(version, least);
    if (comparator.startsWith('>=')) return isAtLeast(version, least);
    // Up to the first part that is not zero it is the same.
    const same = partsOf(least).findIndex((part) => part !== 0) + 1;
    const [have, want] = [partsOf(version), partsOf(least)];
    return isAtLeast(version, least) && want.slice(0, same).every((part, index) => have[index] === part);
  });
}
