/* Where traces are wanted to lead (GOAL=n): the checker's way there is replayed against core/migration. `traces.ts` names them. */
#if MOVES > 1
#define BOTHRUN (target[2] == running)
#else
#define BOTHRUN true
#endif
#define WANTED ( \
  (GOAL == 1 && source[1] == done && target[1] == running && BOTHRUN) || \
  (GOAL == 2 && regMove[reg] == TAKEOVER && regEpoch[reg] == 3 && home == settled && MAYRUN(HOME) && crashes > 0) || \
  (GOAL == 3 && source[1] == superseded) || \
  (GOAL == 4 && source[1] == givenUp && regMove[reg] == 1 && RUNNERS > 0) || \
  (GOAL == 5 && source[1] == done && target[1] == running && regBase[reg] > 0) || \
  (GOAL == 6 && boot[HOME] > 1 && home == settled && target[1] == running) || \
  (GOAL == 7 && owner[B] == fenced && tick > 0) || \
  (GOAL == 8 && source[1] == committed && MAYRUN(B) && tick > 0) || \
  (GOAL == 9 && goneLife > 0 && target[1] == running && home == settled && regMove[reg] == TAKEOVER))
