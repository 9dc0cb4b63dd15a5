import { checkEdge } from './doctor/edge.js';
import type { Finding } from './doctor/finding.js';
import { checkControl, checkData, checkLimits, checkPort } from './doctor/machine.js';
import { checkPackage } from './doctor/package.js';
import { exitFailed, exitOk } from './exit.js';
import { keyFrom } from './key.js';
import { integer, parse } from './options.js';
import { jsonLine, printable, say, table } from './print.js';

const defaultPort = '7443';
const maxPort = 65_535;

const usage = `godwit doctor [options]

Says what is missing here, and what to do about it: Node, the package and those beside it, limits of the process, the port of an edge, the
control socket; and, if they are named, a directory for --data and edges with their key. One line a check: ok, warn or fail.

  --edge URL         also: an edge that a device shall reach; may be repeated
  --key-file FILE    file with the key shared with the edges; or --key KEY, or GODWIT_KEY in the environment
  --data DIR         also: a directory for what a node keeps beyond a crash
  --port PORT        that an edge here would take (default ${defaultPort})
  --json             one JSON object: ok, findings, each with level, check, found and, if there is something to do, remedy
  --help             this text

Examples:
  godwit doctor
  godwit doctor --edge http://127.0.0.1:7443 --key-file shared.key --data /var/lib/godwit

Exit codes: ${exitOk} nothing failed, though there may be warnings · ${exitFailed} a check failed`;

/** `godwit doctor`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options */
export async function doctor(args: readonly string[]): Promise<number> {
  const { values } = parse({
    args: [...args],
    options: {
      edge: { type: 'string', multiple: true },
      key: { type: 'string' },
      'key-file': { type: 'string' },
      data: { type: 'string' },
      port: { type: 'string', default: defaultPort },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return say(usage);
  const port = integer('--port', values.port, 1, maxPort);
  const key = await keyFrom(values);
  const findings = [
    ...(await checkPackage()),
    ...checkLimits(),
    await checkPort(port),
    await checkControl(),
    ...(values.data === undefined ? [] : await checkData(values.data)),
    ...(await Promise.all((values.edge ?? []).map(async (url) => checkEdge(url, key)))).flat(),
  ];
  const ok = findings.every(({ level }) => level !== 'fail');
  say(values.json ? jsonLine({ ok, findings }) : linesOf(findings).join('\n'));
  return ok ? exitOk : exitFailed;
}

/** The remedy stands below what it is for. */
function linesOf(findings: readonly Finding[]): string[] {
  const lines = table(findings.map(({ level, check, found }) => [level.padEnd(4), check, found]));
  return lines.flatMap((line, index) => {
    const { remedy } = findings[index];
    return remedy === undefined ? [line] : [line, printable(`      → ${remedy}`)];
  });
}
