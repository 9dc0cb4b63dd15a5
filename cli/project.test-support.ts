// A newcomer's project in a directory of its own, with what `npm install` would have brought, linked.
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));
const command = fileURLToPath(new URL('./main.js', import.meta.url));

/** An empty directory, removed after the test. */
export async function emptyDirectory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'godwit-project-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

/** Links the built godwit and packages of ours into `node_modules`. @param packages under the names they have there, by their names here @param programs by name, their files */
export async function install(path: string, packages: Readonly<Record<string, string>>, programs: Readonly<Record<string, string>>): Promise<void> {
  const modules = join(path, 'node_modules');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await symlink(root, join(modules, 'godwit'));
  for (const [name, ours] of Object.entries(packages)) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, 'node_modules', ours), join(modules, name));
  }
  for (const [name, file] of Object.entries(programs)) await symlink(join(root, 'node_modules', file), join(modules, '.bin', name));
  const godwit = join(modules, '.bin', 'godwit');
  await writeFile(godwit, `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`);
  await chmod(godwit, 0o755);
}
