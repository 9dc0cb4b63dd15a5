import { GodwitError } from '#core';
import { check as findingsOf } from '#toolchain';
import { exitFailed, exitOk } from './exit.js';
import { parse } from './options.js';
import { printableCode, say } from './print.js';

const usage = `godwit check SOURCE... [--json]

Says what keeps the actors that these files export from leaving their device: what a build of them would refuse. Writes nothing.

  --json             one JSON object: findings, each with source, code and message
  --help             this text

Examples:
  godwit check src/actors.ts
  godwit check src/map.ts src/navigation.ts --json

Exit codes: ${exitOk} nothing found · ${exitFailed} there are findings, or it could not look`;

/** `godwit check`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · FAILED_PRECONDITION esbuild is not installed */
export async function check(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) return say(usage);
  if (positionals.length === 0) throw new GodwitError('INVALID_ARGUMENT', 'name the files that export your actors, e.g. `godwit check src/actors.ts`');
  const findings = await findingsOf(positionals);
  const lines = findings.length === 0 ? ['nothing found'] : findings.map(({ message }) => message);
  process.stdout.write(values.json ? `${JSON.stringify({ findings })}\n` : `${printableCode(lines.join('\n'))}\n`);
  return findings.length === 0 ? exitOk : exitFailed;
}
