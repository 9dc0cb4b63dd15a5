// The public surface, one report an entry point, under etc/: it changes only on purpose. `npm run api` writes the reports, `--check` compares.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { Extractor, ExtractorConfig } = createRequire(import.meta.url)('@microsoft/api-extractor');

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'etc');
const isCheck = process.argv.includes('--check');
const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const compilerOptions = {
  module: 'nodenext',
  moduleResolution: 'nodenext',
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  strict: true,
  skipLibCheck: true,
};
const off = { default: { logLevel: 'none' } };

const written = mkdtempSync(join(tmpdir(), 'godwit-api-'));
try {
  const entries = Object.entries(exports).filter(([, target]) => target.endsWith('.js'));
  for (const [entry, target] of entries) report(entry === '.' ? name : entry.slice(2), target.replace(/\.js$/, '.d.ts').slice(2));
  const expected = entries.map(([entry]) => `${entry === '.' ? name : entry.slice(2)}.api.md`).sort();
  const stale = isCheck ? differing(expected) : [];
  for (const file of stale) console.error(`etc/${file} is not what the code exports`);
  if (stale.length > 0) {
    console.error('if the public surface was changed on purpose: npm run api, and commit etc/');
    process.exitCode = 1;
  }
} finally {
  rmSync(written, { recursive: true });
}

function report(entry, declarations) {
  const reportFolder = isCheck ? written : folder;
  mkdirSync(reportFolder, { recursive: true });
  const config = ExtractorConfig.prepare({
    configObjectFullPath: join(root, 'api-extractor.json'),
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      newlineKind: 'lf',
      mainEntryPointFilePath: join(root, declarations),
      compiler: { overrideTsconfig: { compilerOptions, files: [declarations] } },
      apiReport: { enabled: true, reportFileName: `${entry}.api.md`, reportFolder, reportTempFolder: written },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: { compilerMessageReporting: { default: { logLevel: 'error' } }, extractorMessageReporting: off, tsdocMessageReporting: off },
    },
  });
  const { errorCount } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      message.handled = message.logLevel !== 'error';
    },
  });
  if (errorCount > 0) throw new Error(`${declarations} does not compile as a user's compiler sees it`);
}

/** Reports that are missing, superfluous, or say something else. */
function differing(expected) {
  const text = (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  };
  const present = readdirSync(folder).filter((file) => file.endsWith('.api.md'));
  return [...new Set([...expected, ...present])].filter((file) => !expected.includes(file) || text(join(folder, file)) !== text(join(written, file)));
}
