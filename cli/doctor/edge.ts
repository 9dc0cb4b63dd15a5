// Whether an edge can be reached from here, knows the key, and agrees on the time.
import { createClient } from '@connectrpc/connect';
import { GodwitError } from '#core';
import { calling, createServiceTransport } from '#transports/connect';
import { Health, ServingStatus } from '#transports/connect/control';
import type { Finding } from './finding.js';

const answerMs = 5000;
/** Milliseconds of difference between two clocks above which certificates and logs mislead. */
const skewMs = 30_000;
/** What is asked when no key is given: enough to learn that there is an edge. */
const noKey = 'none';

/** @throws {GodwitError} INVALID_ARGUMENT the address is no URL of an edge */
export async function checkEdge(url: string, key: string | undefined): Promise<Finding[]> {
  const check = `edge ${url}`;
  let skew = Number.NaN;
  const transport = createServiceTransport(url, { key: key ?? noKey });
  const health = createClient(Health, transport);
  const heard = (headers: Headers) => {
    skew = Date.parse(headers.get('date') ?? '') - Date.now();
  };
  const begun = performance.now();
  try {
    const { status } = await calling(url, () => health.check({}, { timeoutMs: answerMs, onHeader: heard }));
    const found = `serves, answered in ${(performance.now() - begun).toFixed(1)} ms, and knows the key`;
    const serving: Finding =
      status === ServingStatus.SERVING
        ? { level: 'ok', check, found }
        : { level: 'warn', check, found: 'knows the key, but is closing', remedy: 'wait until it is up again' };
    return [serving, ...clock(check, skew)];
  } catch (thrown) {
    const { code, message } = GodwitError.from(thrown);
    if (code === 'UNAUTHENTICATED') return [unauthenticated(check, key, message)];
    const remedy = 'start godwit edge there, with --host for other machines; look at address, port and firewall';
    return [{ level: 'fail', check, found: message, remedy }];
  }
}

function unauthenticated(check: string, key: string | undefined, message: string): Finding {
  if (message.includes('certificate')) return { level: 'fail', check, found: message, remedy: 'set NODE_EXTRA_CA_CERTS to the certificate of its authority' };
  const found = key === undefined ? 'answers, but no key was given' : 'answers, but has another key';
  return { level: 'fail', check, found, remedy: 'give the key that it was started with as GODWIT_KEY, --key-file FILE or --key KEY' };
}

function clock(check: string, skew: number): Finding[] {
  if (Number.isNaN(skew)) return [];
  const found = `clock differs by ${Math.abs(skew / 1000).toFixed(0)} s`;
  if (Math.abs(skew) <= skewMs) return [{ level: 'ok', check, found }];
  return [{ level: 'warn', check, found, remedy: 'set both clocks (NTP): certificates are checked by them, and logs are compared' }];
}
