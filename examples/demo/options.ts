import { parseArgs } from 'node:util';
import { GodwitError } from '#core';

/** What the demo was asked to do. */
export interface DemoOptions {
  readonly frames: number;
  /** Folder of JPEGs; undefined for the bundled photos. */
  readonly images: string | undefined;
  readonly seed: number;
  /** Port of the edge; 0 takes a free one. */
  readonly port: number;
  readonly killEdge: boolean;
  /** 2 for a second robot whose map joins the first one's. */
  readonly robots: 1 | 2;
  /** The report as JSON on the last line of standard output; the story then goes to standard error. */
  readonly json: boolean;
  readonly help: boolean;
}

/** Two frames for each of five stays, and two to be answered during the moves. */
const minFrames = 12;
const maxFrames = 10_000;
const defaultFrames = 90;
const maxSeed = 2 ** 31 - 1;

export const usage = `npm run demo -- [options]

A robot's object detection moves, live, from its device to an edge and back, twice. Device and edge are two processes on this machine;
battery and charger are simulated, everything else is real.

  --frames N     camera frames in all, ${minFrames} to ${maxFrames} (default ${defaultFrames})
  --images DIR   a folder of JPEGs instead of the bundled photos
  --seed N       path and noise of the camera, an integer (default 1)
  --port N       port of the edge (default: a free one)
  --kill-edge    kill -9 the edge in the middle of remote execution; detection goes on at the device
  --robots N     1 (default) or 2: at the end the first robot shares its map at the edge, a second one's (in the same process) is merged into it
  --json         the report as one JSON object on the last line of standard output (docs/demo.md), the story on standard error
  --help         this text

Exit code: 0 nothing lost, repeated or reordered, and every move kept the state · 1 otherwise, or it failed · 2 bad options or images`;

/** @throws {GodwitError} INVALID_ARGUMENT naming the option */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values } = parse(args);
  const robots = integer('--robots', values.robots, 1, 1, 2) as 1 | 2;
  if (values['kill-edge'] && robots === 2) throw new GodwitError('INVALID_ARGUMENT', '--robots 2 needs the edge to the end: leave out --kill-edge');
  return {
    robots,
    frames: integer('--frames', values.frames, defaultFrames, minFrames, maxFrames),
    images: values.images,
    seed: integer('--seed', values.seed, 1, -maxSeed, maxSeed),
    port: integer('--port', values.port, 0, 0, 65_535),
    killEdge: values['kill-edge'],
    json: values.json,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        frames: { type: 'string' },
        images: { type: 'string' },
        seed: { type: 'string' },
        port: { type: 'string' },
        robots: { type: 'string' },
        'kill-edge': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', GodwitError.from(thrown).message, { cause: thrown });
  }
}

function integer(option: string, text: string | undefined, fallback: number, least: number, most: number): number {
  if (text === undefined) return fallback;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new GodwitError('INVALID_ARGUMENT', `${option} must be an integer from ${least} to ${most}, not '${text}'`);
  return value;
}
