import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const program = fileURLToPath(new URL('./verify.js', import.meta.url));

/** Runs `npm run verify` without the build before it. */
async function verify(...args: readonly string[]) {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
    return { status: 0, stdout };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { readonly code: number; readonly stdout: string; readonly stderr: string };
    return { status: code, stdout: `${stdout}${stderr}` };
  }
}

test('verify: an ablation is noticed, and what it prints replays', async (t) => {
  const first = await verify('--schedules', '2000', '--ablation', 'deduplication', '--jobs', '2', '--json');
  const { failures } = JSON.parse(first.stdout.trimEnd().split('\n').at(-1) ?? '') as { failures: Array<{ seed: number; violations: unknown }> };

  t.is(first.status, 0);
  t.regex(first.stdout, new RegExp(`npm run verify -- --seed ${failures[0].seed} --ablation 'deduplication'`));
  const again = await verify('--seed', String(failures[0].seed), '--ablation', 'deduplication', '--json');
  const replayed = JSON.parse(again.stdout.trimEnd().split('\n').at(-1) ?? '') as { failures: Array<{ violations: unknown }> };
  t.deepEqual(replayed.failures[0].violations, failures[0].violations);
});

test('verify: an ablation that nothing notices is a failure', async (t) => {
  // One schedule is too few.
  const { status } = await verify('--seed', '1', '--schedules', '1', '--ablation', 'incarnations');

  t.is(status, 1);
});

test('verify: names what is known when an argument is not', async (t) => {
  const { status, stdout } = await verify('--ablation', 'gravity');

  t.is(status, 1);
  t.regex(stdout, /there is no ablation 'gravity'; there are 'deduplication', 'fencing'/);
  t.regex((await verify('--schedules', '0')).stdout, /--schedules must be a whole number above 0/);
});
