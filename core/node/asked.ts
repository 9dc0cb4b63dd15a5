/** Where this package's core lies, as stacks name it; undefined if it was bundled with the program that uses it. */
const core = /([^\s()]+\/)node\/asked\.[jt]s/.exec(new Error().stack ?? '')?.[1];

/** The frames of whoever asked, without those of this package on top of them. @param asked made while asking */
export function framesOf(asked: Error): string {
  const frames = asked.stack?.split('\n').slice(1) ?? [];
  const isOurs = (frame: string) => core !== undefined && (frame.includes(core) || frame.endsWith('(<anonymous>)'));
  const theirs = frames.findIndex((frame) => !isOurs(frame));
  return frames.slice(Math.max(0, theirs)).join('\n');
}
