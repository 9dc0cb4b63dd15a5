import test from 'ava';
import { LatenessLog } from './lateness.js';

test('lateness: the most of what touches a stretch of time', (t) => {
  const log = new LatenessLog();
  for (const [fromMs, latenessMs] of [
    [0, 5],
    [200, 90],
    [400, 20],
    [600, 200],
  ])
    log.note({ fromMs, untilMs: fromMs + 200, latenessMs });

  t.is(log.between(250, 390), 90);
  t.is(log.between(410, 590), 20);
  t.is(log.between(100, 900), 200);
  t.is(log.between(2000, 3000), 0);
  t.is(log.worstMs, 200);
});

test('lateness: a process that was stopped is not late', (t) => {
  const log = new LatenessLog();
  const goOn = log.stopped(100);
  log.note({ fromMs: 0, untilMs: 2000, latenessMs: 1900 });
  goOn(1990);
  log.note({ fromMs: 2000, untilMs: 2200, latenessMs: 1900 });
  log.note({ fromMs: 2400, untilMs: 2600, latenessMs: 7 });

  t.is(log.worstMs, 7);
});
