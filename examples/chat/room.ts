import { actor, type Endpoint } from 'godwit';

/** A line of the chat. */
export interface Line {
  readonly from: string;
  readonly text: string;
}

/** Somebody in the chat: hears every line, and answers whoever calls their name. */
export const Guest = actor('guest', {
  source: import.meta.url,
  state: () => ({ name: '', room: undefined as Endpoint<Line, Line> | undefined, heard: [] as string[] }),
  on: {
    async enter(state, { name, room }: { readonly name: string; readonly room: Endpoint<Line, Line> }) {
      state.name = name;
      state.room = room;
      await room.subscribe('line');
    },
    async line(state, { from, text }: Line) {
      state.heard.push(`${from}: ${text}`);
      if (text.includes(`@${state.name}`)) await state.room?.send({ from: state.name, text: `yes, ${from}?` });
    },
    heard: (state) => state.heard,
    where: () => ('process' in globalThis ? 'natively' : 'in the script engine'),
  },
});
