import { constants } from 'node:fs';
import { access, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GodwitError } from '#core';
import { one, parse } from './options.js';
import { jsonLine, say } from './print.js';

const usage = `godwit init DIR [options]

Makes a project in DIR: an actor and an elastic function, an application that moves them, a test in a simulated world, and what compiles,
tests and builds all of it. DIR is made, or is there and empty: nothing is ever replaced.

  --name NAME        of the package (default: that of the directory)
  --json             one JSON object: directory, name, files
  --help             this text

Examples:
  godwit init my-project
  cd my-project && npm install && npm test && npm start`;

const template = fileURLToPath(new URL('../../cli/template/', import.meta.url));
const ownManifest = new URL('../../package.json', import.meta.url);
/** What a name of a package may be, as far as npm takes a new one. */
const nameForm = /^[a-z0-9][a-z0-9._-]{0,213}$/;
/** A package does not carry a file of this name as it is. */
const renamed: Readonly<Record<string, string>> = { gitignore: '.gitignore' };

/** `godwit init`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · ALREADY_EXISTS something is there · FAILED_PRECONDITION it cannot be written */
export async function init(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({
    args: [...args],
    allowPositionals: true,
    options: { name: { type: 'string' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) return say(usage);
  const directory = resolve(one(positionals, 'directory', 'godwit init my-project'));
  const name = nameFrom(values.name, directory);
  const sources = await filesOf(template);
  await makeEmpty(directory);
  const files: string[] = [];
  for (const source of sources) files.push(await place(source, directory, name));
  const shown = relative('.', directory) || '.';
  if (values.json) return say(jsonLine({ directory, name, files }));
  return say(`${files.map((file) => `  ${file}`).join('\n')}\n\n${name} is in ${shown}. Next:\n\n  cd ${shown}\n  npm install\n  npm test\n  npm start`);
}

/** @throws {GodwitError} INVALID_ARGUMENT */
function nameFrom(given: string | undefined, directory: string): string {
  const name =
    given ??
    basename(directory)
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+/, '');
  if (nameForm.test(name)) return name;
  throw new GodwitError('INVALID_ARGUMENT', `'${name}' cannot be the name of a package: give one of lower-case letters, digits, dots and dashes with --name`);
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [relative(folder, join(entry.parentPath, entry.name))] : [])).sort();
}

async function makeEmpty(directory: string): Promise<void> {
  const found = await writing(directory, async () => {
    await make(directory);
    return readdir(directory);
  });
  const [first] = found;
  if (first !== undefined) throw new GodwitError('ALREADY_EXISTS', `${directory} is not empty (there is ${first}): choose a new directory`);
}

/** With the parents that are missing. Node's own way never ends where a parent is there and takes in no directory, as below /proc. */
async function make(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    const parent = dirname(directory);
    if (code !== 'ENOENT' || (await isThere(parent))) throw thrown;
    await make(parent);
    await mkdir(directory);
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function place(source: string, directory: string, name: string): Promise<string> {
  const file = join(dirname(source), renamed[basename(source)] ?? basename(source));
  const target = join(directory, file);
  await writing(target, async () => {
    await mkdir(dirname(target), { recursive: true });
    if (source === 'package.json') await writeFile(target, await manifestFor(name), { flag: 'wx' });
    else await copyFile(join(template, source), target, constants.COPYFILE_EXCL);
  });
  return file;
}

/** The template's, under another name, with this very version of godwit. */
async function manifestFor(name: string): Promise<string> {
  const { version } = JSON.parse(await readFile(ownManifest, 'utf8')) as { readonly version: string };
  const manifest = JSON.parse(await readFile(join(template, 'package.json'), 'utf8')) as { readonly dependencies: Readonly<Record<string, string>> };
  return `${JSON.stringify({ ...manifest, name, dependencies: { ...manifest.dependencies, godwit: version } }, undefined, 2)}\n`;
}

async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new GodwitError('ALREADY_EXISTS', `${path} is there already: choose a new directory`, { cause: thrown });
    throw new GodwitError('FAILED_PRECONDITION', `cannot make ${path}: ${message}`, { cause: thrown });
  }
}
