// The smallest program: one actor, told, asked and iterated. `npm run example:hello-actor`
import { actor, dispatch, spawn } from 'godwit';
import { startDevice } from 'godwit/device';

const Greeter = actor('greeter', {
  state: () => ({ greeted: [] as string[] }),
  on: {
    greet(state, name: string): string {
      state.greeted.push(name);
      return `hello, ${name}`;
    },
    async *everybody(state) {
      yield* state.greeted;
    },
  },
});

await using device = await startDevice({ name: 'laptop' });
const greeter = spawn(device, Greeter, 'greeter');

dispatch(greeter, 'greet', 'Ada');
console.log(await greeter.greet('Grace'));
for await (const name of greeter.everybody()) console.log('greeted', name);
