import { SourceMap, type SourceMapPayload } from 'node:module';
import type { Hash } from '#core';

/** How much of a program's hash names it in a stack: the script engine says so of its frames. */
const frame = /^(\s*at )(?:.* \()?[\w.-]+@([0-9a-f]{12})\.js:(\d+):(\d+)\)?$/;
/** What runs an actor inside the engine is of no interest beside the actor. */
const ours = /^godwit\/(?:core|runtimes)\//;

interface Held {
  readonly text: string;
  /** Undefined until it is needed; null if it is no map. */
  map: SourceMap | null | undefined;
}

/** The source maps of the programs that a device sent away: they lead a stack from there back to its sources, and stay here. */
export class SourceMaps {
  private readonly held = new Map<string, Held>();

  /** @param text a source map as JSON; read when a stack first needs it */
  add(program: Hash, text: string): void {
    const name = program.slice(0, 12);
    if (!this.held.has(name)) this.held.set(name, { text, map: undefined });
  }

  /** The stack with the places of its sources, where a map knows them (a frame without one stays as it is); names of functions, which were minified, are left out, and so are frames of this package. */
  readonly mapStack = (stack: string): string =>
    stack
      .split('\n')
      .flatMap((line) => {
        const [, at, program, row, column] = frame.exec(line) ?? [];
        const place = program === undefined ? undefined : this.placeIn(program, Number(row), Number(column));
        if (place === undefined) return [line];
        return ours.test(place) ? [] : [`${at}${place}`];
      })
      .join('\n');

  private placeIn(program: string, line: number, column: number): string | undefined {
    const held = this.held.get(program);
    if (held === undefined) return undefined;
    if (held.map === undefined) held.map = read(held.text);
    const entry = held.map?.findEntry(line - 1, column - 1);
    // A segment may name no source: code that the bundler added.
    return entry !== undefined && 'originalSource' in entry && typeof entry.originalSource === 'string'
      ? `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
      : undefined;
  }
}

function read(text: string): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(text) as SourceMapPayload);
  } catch {
    // What an ask failed with is worth more than the places in its stack.
    return null;
  }
}
