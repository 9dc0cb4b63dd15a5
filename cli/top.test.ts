// `godwit top` and `godwit trace` at an edge that answers as long as a test wants it to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { start } from './command.test-support.js';

const key = 'a-key-for-the-tests-of-top';
const program = fileURLToPath(new URL('./main.js', import.meta.url));
const openScreen = '\u001b[?1049h\u001b[?25l';
const closeScreen = '\u001b[?25h\u001b[?1049l';

/** An edge without actors. @param answers how many questions it answers; then it is silent */
async function edgeOf(t: ExecutionContext, answers: number): Promise<{ readonly url: string; readonly silent: Promise<void> }> {
  let fallSilent = () => {};
  const silent = new Promise<void>((resolve) => {
    fallSilent = resolve;
  });
  let left = answers;
  const server = createServer((_request, response: Http2ServerResponse) => {
    if (left === 0) fallSilent();
    else response.writeHead(200, { 'content-type': 'application/proto' }).end();
    left = Math.max(0, left - 1);
  });
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => void sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, silent };
}

test('godwit top: ends in order when it is told to, though its node is silent', async (t) => {
  const { url, silent } = await edgeOf(t, 1);
  const top = start(['top', '--edge', url, '--json'], key);
  await silent;
  top.signal('SIGINT');
  const { code, stderr } = await top.ended;

  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

for (const signals of [['SIGINT'], ['SIGINT', 'SIGTERM']] as const) {
  test(`godwit top: a terminal is as it was after ${signals.join(' and ')}, though its node is silent`, async (t) => {
    const { url, silent } = await edgeOf(t, 1);
    const command = `echo "pid $$;"; exec ${process.execPath} ${program} top --edge ${url}`;
    const terminal = spawn('script', ['-qefc', command, '/dev/null'], { env: { ...process.env, GODWIT_KEY: key }, stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    terminal.stdout.on('data', (text) => {
      shown += String(text);
    });
    const ended = once(terminal, 'close');
    await silent;
    for (const signal of signals) process.kill(Number(/pid (\d+);/.exec(shown)?.[1]), signal);
    await ended;

    t.true(shown.includes(openScreen));
    t.is(shown.slice(shown.lastIndexOf(closeScreen)), closeScreen);
    t.is(shown.split(closeScreen).length, 2, 'once');
  });
}
