// A newcomer's project in a directory of its own, with what `npm install` would have brought.
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** An empty directory, removed after the test. */
export async function emptyDirectory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'godwit-project-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

/** Links the built godwit into `node_modules`: it finds every package that is here. */
export async function linkGodwit(path: string): Promise<void> {
  await linkPackages(path, { godwit: '..' });
  await makeCommand(path, join(root, 'dist', 'cli', 'main.js'));
}

/** Puts godwit into `node_modules` as it is published, with what it depends on, and none of its optional peers. @returns the file of its command */
export async function installGodwit(path: string): Promise<string> {
  const godwit = join(path, 'node_modules', 'godwit');
  await mkdir(godwit, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', path], { cwd: root });
  const archive = join(path, stdout.trim());
  await run('tar', ['-xzf', archive, '-C', godwit, '--strip-components', '1']);
  await rm(archive);
  const { dependencies } = JSON.parse(await readFile(join(godwit, 'package.json'), 'utf8')) as { readonly dependencies: Readonly<Record<string, string>> };
  await linkPackages(path, Object.fromEntries(Object.keys(dependencies).map((name) => [name, name])));
  const command = join(godwit, 'dist', 'cli', 'main.js');
  await makeCommand(path, command);
  return command;
}

/** Does what `npm install` does in a project that `godwit init` made: godwit as it is published, and what the project is built with; no network. */
export async function installProject(path: string): Promise<void> {
  await installGodwit(path);
  const { devDependencies } = JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as { readonly devDependencies: Readonly<Record<string, string>> };
  const ours = { ...Object.fromEntries(Object.keys(devDependencies).map((name) => [name, name])), typescript: '@typescript/native' };
  await linkPackages(path, { ...ours, '.bin/tsc': '@typescript/native/bin/tsc' });
}

/** Links packages that are here. @param packages by the names they have there, the names they have here */
export async function linkPackages(path: string, packages: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, ours] of Object.entries(packages)) {
    const link = join(path, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(root, 'node_modules', ours), link);
  }
}

async function makeCommand(path: string, file: string): Promise<void> {
  const godwit = join(path, 'node_modules', '.bin', 'godwit');
  await mkdir(dirname(godwit), { recursive: true });
  await writeFile(godwit, `#!/bin/sh\nexec "${process.execPath}" "${file}" "$@"\n`);
  await chmod(godwit, 0o755);
}
