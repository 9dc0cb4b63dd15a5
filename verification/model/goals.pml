/* Where traces are wanted to lead (-DGOAL=n): the checker's way there is replayed against core/migration. `traces.ts` names them. */
#if GOAL == 1
#define WANTED (source[1] == done && target[1] == running && target[2] == running)
#elif GOAL == 2
#define WANTED (regMove[reg] == TAKEOVER && regEpoch[reg] == 3 && home == settled && MAYRUN(HOME) && crashes > 0)
#elif GOAL == 3
#define WANTED (source[1] == superseded)
#elif GOAL == 4
#define WANTED (source[1] == givenUp && regMove[reg] == 1 && RUNNERS > 0)
#elif GOAL == 5
#define WANTED (source[1] == done && target[1] == running && regBase[reg] > 0)
#elif GOAL == 6
#define WANTED (boot[HOME] > 1 && home == settled && target[1] == running)
#elif GOAL == 7
#define WANTED (owner[B] == fenced && tick > 0)
#elif GOAL == 8
#define WANTED (source[1] == committed && MAYRUN(B) && tick > 0)
#endif
