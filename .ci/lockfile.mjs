// The lockfile names an entry for every optional package of every platform, and no registry.
//
// Tools ship their binaries as one optional package a platform. A registry mirror may lack those of platforms it does not serve; npm then writes
// a lockfile without them, which `npm ci` refuses ("Missing: … from lock file"). `node .ci/lockfile.mjs` adds the missing entries: version from the
// package that asks for it, platform from its name, no checksum, since nothing was downloaded. `--check` only reports; .ci/check runs it.
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const text = readFileSync(path, 'utf8');
const lock = JSON.parse(text);
const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = {
  armv7: 'arm',
  arm: 'arm',
  arm64: 'arm64',
  ia32: 'ia32',
  loong64: 'loong64',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  wasm32: 'wasm32',
  x64: 'x64',
};

const missing = missingEntries(lock.packages);
const faults = [...missing.keys()].map((name) => `${name} has no entry`);
if (/"resolved": "https?:/.test(text)) faults.push('a registry is named');

if (process.argv.includes('--check')) {
  for (const fault of faults) console.error(`package-lock.json: ${fault}`);
  if (faults.length > 0) console.error('run: npm install && node .ci/lockfile.mjs');
  process.exitCode = faults.length > 0 ? 1 : 0;
} else {
  for (const [name, { version, dev }] of missing) lock.packages[`node_modules/${name}`] = { version, ...platformOf(name), ...(dev && { dev }), optional: true };
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${missing.size} entries added`);
}

/** Optional packages that some entry asks for and that npm's lookup, from the asking folder outwards, does not find. */
function missingEntries(packages) {
  const found = new Map();
  for (const [folder, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (!foldersOutwards(folder).some((outer) => packages[`${outer}node_modules/${name}`])) found.set(name, { version, dev });
    }
  }
  return found;
}

function foldersOutwards(folder) {
  if (folder === '') return [''];
  const end = folder.lastIndexOf('/node_modules/');
  return [`${folder}/`, ...foldersOutwards(end < 0 ? '' : folder.slice(0, end))];
}

/** '@oxlint/binding-linux-x64-musl' → { os: ['linux'], cpu: ['x64'], libc: ['musl'] } */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const os = words.find((word) => systems.includes(word));
  const cpu = words.map((word) => processors[word]).find((word) => word !== undefined);
  if (os === undefined || cpu === undefined) throw new Error(`the platform of ${name} does not show in its name: add its entry by hand`);
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
  return { cpu: [cpu], ...(libc !== undefined && { libc: [libc] }), os: [os] };
}
