// The directive over real parts: a program is written with it, built by the plugin, and its function runs on an edge in another process.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { build } from 'esbuild';
import { godwit } from '#toolchain';
import { deviceHere, edgeProcess } from './migration.test-support.js';

const program = `
import { halve } from './half.js';

const side = 2;

/** Not exported: it is reached by its name. */
async function shrink(pixels: readonly number[], onRow?: (row: number) => void): Promise<{ pixels: number[]; engine: string }> {
  'use elastic';
  for (let row = 0; row < pixels.length / side; row++) onRow?.(row);
  return { pixels: pixels.map(halve), engine: 'process' in globalThis ? 'native' : 'script' };
}

console.log('the device alone does this', process.pid);
export const application = { shrink };
`;

interface Application {
  readonly shrink: (pixels: readonly number[], onRow?: (row: number) => void) => Promise<{ readonly pixels: number[]; readonly engine: string }>;
}

test('directive: a function of a built program runs here, on the edge while it is offloaded, and here again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-directive-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'node_modules'));
  await symlink(fileURLToPath(new URL('../..', import.meta.url)), join(folder, 'node_modules/godwit'));
  await writeFile(join(folder, 'half.ts'), 'export const halve = (pixel: number): number => pixel / 2;');
  await writeFile(join(folder, 'main.ts'), program);
  const outfile = join(folder, 'main.mjs');
  await build({
    entryPoints: [join(folder, 'main.ts')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['godwit'],
    outfile,
    plugins: [godwit.esbuild()],
  });
  const { application } = (await import(pathToFileURL(outfile).href)) as { application: Application };
  const device = await deviceHere(t, [await edgeProcess(t)]);
  const rows: number[] = [];
  const onRow = (row: number) => rows.push(row);

  t.deepEqual(await application.shrink([2, 4], onRow), { pixels: [1, 2], engine: 'native' });
  const [offer] = await device.offload.request(application.shrink);
  const lease = await device.offload.accept(offer);
  t.deepEqual(await application.shrink([2, 4], onRow), { pixels: [1, 2], engine: 'script' });
  await lease.recall();
  t.deepEqual(await application.shrink([2, 4], onRow), { pixels: [1, 2], engine: 'native' });
  t.deepEqual(rows, [0, 0, 0]);
});
