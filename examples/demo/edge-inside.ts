// The edge's process: what `godwit edge` is, started by the demo so that it can be killed. It ends when the demo does.

import { GodwitError } from '#core';
import { speedProbe, startEdge } from '#edge-node';
import { bundler } from '#toolchain';
import type { EdgeAnswer, EdgeStart } from './edge-messages.js';
import { createVision, warmUp } from './vision.js';

/** The demo may be gone already: then nobody waits for an answer. */
function answer(message: EdgeAnswer): void {
  if (process.connected) process.send?.(message);
}

async function serve({ name, port, key }: EdgeStart): Promise<void> {
  const vision = createVision();
  try {
    await warmUp(vision);
    const edge = await startEdge({ name, port, key, hostFunctions: [vision.image, vision.nn], models: vision.models, modules: bundler([speedProbe]) });
    const end = async () => {
      await edge.close();
      await vision.close();
      process.exit(0);
    };
    process.once('disconnect', () => void end());
    if (!process.connected) await end();
    answer({ type: 'listening', url: edge.url, port: edge.port, tiers: edge.execution.list().map(({ speed }) => speed) });
  } catch (thrown) {
    const { code, message } = GodwitError.from(thrown);
    answer({ type: 'failed', code, message });
    await vision.close();
    process.exitCode = 1;
    process.disconnect();
  }
}

// Ctrl-C reaches every process of the terminal; when this one ends is the demo's to decide.
process.on('SIGINT', () => {});
process.once('message', (start) => void serve(start as EdgeStart));
