import test from 'ava';
import { image } from './image.js';
import { nn } from './nn.js';

function recorder(answer: unknown) {
  const calls: unknown[][] = [];
  async function call(...args: unknown[]): Promise<unknown> {
    calls.push(args);
    return answer;
  }
  return { calls, call };
}

test('facade nn: calls infer of the host function nn and hands back its answer', async (t) => {
  const ctx = recorder({ outputs: {}, backend: 'some', inferMs: 1 });
  const tensor = { data: Uint8Array.of(1, 2), shape: [2] };

  const inference = await nn(ctx).infer('model', tensor, { outputs: ['out'] });

  t.is(inference.backend, 'some');
  t.deepEqual(ctx.calls, [['nn', 'infer', 'model', tensor, { outputs: ['out'] }]]);
});

test('facade image: calls the methods of the host function image with their arguments in order', async (t) => {
  const ctx = recorder(undefined);
  const jpeg = Uint8Array.of(0xff);
  const picture = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) } as const;

  await image(ctx).size(jpeg);
  await image(ctx).decode(jpeg, { width: 2, height: 3 });
  await image(ctx).resize(picture, { width: 4, height: 5 });
  await image(ctx).encode(picture, { quality: 50 });

  t.deepEqual(ctx.calls, [
    ['image', 'size', jpeg],
    ['image', 'decode', jpeg, { width: 2, height: 3 }],
    ['image', 'resize', picture, { width: 4, height: 5 }],
    ['image', 'encode', picture, { quality: 50 }],
  ]);
});
