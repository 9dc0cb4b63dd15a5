import { actor, type GodwitError } from '#core';

/** How a query ended. */
type Outcome = { readonly value: unknown } | { readonly error: GodwitError };

interface Answering {
  readonly outcome: Promise<Outcome>;
  readonly settle: (outcome: Outcome) => void;
}

function createAnswering(): Answering {
  let settle: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    settle = resolve;
  });
  return { outcome, settle };
}

/** The temporary reference of a query: takes the first answer, wherever it comes from, and gives it to whoever asked. Lives as long as the query. */
export const AnswerActor = actor('nact.answer', {
  state: createAnswering,
  needs: { pinned: true },
  on: {
    message(state, value: unknown) {
      state.settle({ value });
    },
    from(state, { message }: { readonly message: unknown }) {
      state.settle({ value: message });
    },
    /** There will be no answer. */
    fail(state, error: GodwitError) {
      state.settle({ error });
    },
    async *answer(state): AsyncGenerator<unknown> {
      const outcome = await state.outcome;
      if ('error' in outcome) throw outcome.error;
      yield outcome.value;
    },
  },
});
