import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { GodwitError } from '#core';

/** A photo the camera moves over. @public */
export interface Photo {
  /** File name, for errors and as the name of the scene. */
  readonly name: string;
  readonly jpeg: Uint8Array;
}

const bundledNames = ['sample1.jpg', 'sample2.jpg', 'sample3.jpg', 'sample4.jpg', 'sample5.jpg', 'sample6.jpg'];
// A folder of photos is held in memory: a bound for a mistyped path to a photo archive.
const maxFolderPhotos = 500;
const maxFileBytes = 32 * 1024 * 1024;

/**
 * Six photos of people that come with the optional package `@vladmandic/face-api` (MIT).
 * @throws {GodwitError} UNAVAILABLE the package is not installed
 * @public
 */
export async function bundledPhotos(): Promise<Photo[]> {
  const require = createRequire(import.meta.url);
  try {
    const folder = join(dirname(require.resolve('@vladmandic/face-api/package.json')), 'demo');
    return await Promise.all(bundledNames.map((name) => readPhoto(folder, name)));
  } catch (thrown) {
    throw new GodwitError(
      'UNAVAILABLE',
      `the bundled photos need the package @vladmandic/face-api (npm i -D @vladmandic/face-api), or name a folder of JPEGs: ${GodwitError.from(thrown).message}`,
      {
        cause: thrown,
        retryable: false,
      },
    );
  }
}

/**
 * The JPEGs of a folder (`.jpg`, `.jpeg`), sorted by name. Whether they are JPEGs is found out by the camera.
 * @throws {GodwitError} NOT_FOUND no such folder, or no JPEG in it · RESOURCE_EXHAUSTED over 500 photos, or a file over 32 MiB
 * @public
 */
export async function photosOf(folder: string): Promise<Photo[]> {
  const entries = await readdir(folder).catch((thrown: unknown) => {
    throw new GodwitError('NOT_FOUND', `cannot read the folder of photos ${folder}: ${GodwitError.from(thrown).message}`, { cause: thrown });
  });
  const names = entries.filter((name) => /\.jpe?g$/i.test(name)).sort();
  if (names.length === 0) throw new GodwitError('NOT_FOUND', `no .jpg or .jpeg file in the folder ${folder} (${entries.length} other entries)`);
  if (names.length > maxFolderPhotos)
    throw new GodwitError('RESOURCE_EXHAUSTED', `${names.length} photos in ${folder}, over the limit of ${maxFolderPhotos}`, { retryable: false });
  const photos: Photo[] = [];
  for (const name of names) photos.push(await readPhoto(folder, name));
  return photos;
}

async function readPhoto(folder: string, name: string): Promise<Photo> {
  const path = join(folder, name);
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw new GodwitError('NOT_FOUND', `cannot read the photo ${path}: ${GodwitError.from(thrown).message}`, { cause: thrown });
  });
  if (bytes.length > maxFileBytes)
    throw new GodwitError('RESOURCE_EXHAUSTED', `${path} has ${bytes.length} bytes, over the limit of ${maxFileBytes}`, { retryable: false });
  return { name: basename(path), jpeg: new Uint8Array(bytes) };
}
