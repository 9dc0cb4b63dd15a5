// Dead code: files nothing reaches, exports nothing uses, dependencies nothing imports.
import { readFileSync } from 'node:fs';

const { imports: names } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
// './dist/core/index.js' is compiled from 'core/index.ts'.
const source = (target) => target.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts');

export default {
  entry: [
    // Shipped as data: a bundler starts at them, nobody imports them.
    'runtimes/guest/index.ts!',
    'actors/*/index.ts!',
    'benchmarks/main.ts',
    'examples/*/main.ts',
    // Bundled by path.
    'device-node/web/fixtures/*.ts',
    'examples/web/*.ts',
    // Copied into new projects.
    'cli/template/src/*.ts',
    'verification/chaos/main.ts',
    'verification/model/check.ts',
    'verification/verify.ts',
    'verification/verify-worker.ts',
    // Forked by path; bundled by path.
    'verification/chaos/processes/*.ts',
    'verification/chaos/courier.ts',
    '**/*.test.ts',
    '.ci/*.cjs',
  ],
  project: ['{core,runtimes,transports,actors,device-node,edge-node,toolchain,cli,dashboard,benchmarks,verification,examples}/**/*.ts'],
  paths: Object.fromEntries(Object.entries(names).map(([name, target]) => [name, [source(target)]])),
  // Option and result types belong to the signature of what is used.
  exclude: ['types'],
  ignore: ['**/gen/**'],
  ignoreExportsUsedInFile: { interface: true, type: true },
  // Programs of .ci/check, and the packages that carry the model and the photos: read by path, not imported.
  ignoreDependencies: ['@microsoft/api-extractor', '@arethetypeswrong/cli', 'dependency-cruiser', 'publint', '@vladmandic/human'],
  // Of the system; a test gives itself a small disk or a terminal with them, where it may.
  ignoreBinaries: ['mount', 'script', 'unshare'],
};
