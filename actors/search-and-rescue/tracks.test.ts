import test from 'ava';
import type { Box } from './boxes.js';
import { firstTracks, followTracks, historyLength } from './tracks.js';

const seen = (x: number, label = 'person', score = 0.9) => ({ label, score, box: [x, 0, x + 10, 10] as Box });

test('tracks: a thing that moves a little keeps its number and leaves a trail', (t) => {
  const tracks = firstTracks();

  const ids = [0, 1, 2, 3].map((frame) => followTracks(tracks, frame, [seen(frame * 2)])[0]?.track);

  t.deepEqual(ids, [1, 1, 1, 1]);
  t.deepEqual(
    tracks.open[0]?.history,
    [0, 1, 2, 3].map((frame) => ({ frame, x: 5 + frame * 2, y: 5 })),
  );
});

test('tracks: a jump, or another label at the same place, is another thing', (t) => {
  const tracks = firstTracks();
  followTracks(tracks, 0, [seen(0)]);

  t.deepEqual(
    followTracks(tracks, 1, [seen(30), seen(0, 'dog')]).map(({ track }) => track),
    [2, 3],
  );
});

test('tracks: two things that pass keep their numbers by the best overlap, whatever the order of detections', (t) => {
  const tracks = firstTracks();
  followTracks(tracks, 0, [seen(0), seen(6)]);

  t.deepEqual(
    followTracks(tracks, 1, [seen(5), seen(1)]).map(({ track }) => track),
    [2, 1],
  );
});

test('tracks: a thing hidden for five frames comes back, for six it is new', (t) => {
  const five = firstTracks();
  followTracks(five, 0, [seen(0)]);
  t.is(followTracks(five, 5, [seen(0)])[0]?.track, 1);

  const six = firstTracks();
  followTracks(six, 0, [seen(0)]);
  t.is(followTracks(six, 6, [seen(0)])[0]?.track, 2);
});

test('tracks: the trail is bounded', (t) => {
  const tracks = firstTracks();
  for (let frame = 0; frame < 100; frame += 1) followTracks(tracks, frame, [seen(0)]);

  t.is(tracks.open.length, 1);
  t.is(tracks.open[0]?.history.length, historyLength);
  t.is(tracks.open[0]?.history.at(-1)?.frame, 99);
});

test('tracks: continue the same behind a copy of their state', (t) => {
  const stayed = firstTracks();
  followTracks(stayed, 0, [seen(0), seen(40)]);
  const moved = structuredClone(stayed);

  t.deepEqual(followTracks(moved, 1, [seen(41), seen(1)]), followTracks(stayed, 1, [seen(41), seen(1)]));
  t.deepEqual(moved, stayed);
});
