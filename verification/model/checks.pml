/* What must hold: in every state (check), and at rest once the faults have stopped (rest). */
bool over;
/* Always 0: they name what failed in the checker's message. */
hidden byte I1, I3, I4, I5, I8, BOUNDS;
hidden byte atGoal;
hidden byte cm, cn, cv, ci, turn, again;

#define ALIVE(life) (LIFE(NODE(life)) == (life))
#define ONERUNS (RUNNERS == 0 || RUNNERS == 1 || RUNNERS == 2 || RUNNERS == 4)

inline ranAtOnce(n) {
  if
  :: MAYRUN(n) ->
    assert(I1 || liveEpoch[n] <= regEpoch[reg]);                                       /* I1: nobody runs at an epoch that the register has not reached */
    assert(I1 || ranAt[liveEpoch[n]] == 0 || ranAt[liveEpoch[n]] == LIFE(n));          /* I1: one owner per epoch */
    ranAt[liveEpoch[n]] = LIFE(n)
  :: else
  fi
}

inline check() {
  assert(BOUNDS || (reg < VERSIONS - 1 && regEpoch[reg] < EPOCHS));                         /* the bounds of this model */
  assert(I1 || ONERUNS);                                                               /* I1, I3 */
  ranAtOnce(A); ranAtOnce(B); ranAtOnce(C);
  assert(I3 || !fenceBroken);                                                          /* I3: the home notes no checkpoint of an older epoch */
  assert(I5 || !ranWithout);                                                           /* I5: who is to run has the state */
  /* I5: never both copies gone. The living owner has the state … */
  assert(I5 || !ALIVE(regOwner[reg]) || live[NODE(regOwner[reg])] || home == restoring || RAISED || (goneLife == regOwner[reg] && goneEpoch == regEpoch[reg]) || (regMove[reg] > 0 && regMove[reg] <= MOVES && restored[(regMove[reg] <= MOVES -> regMove[reg] : 0)] > 0));
  /* … and the living standby has the base. */
  assert(I5 || !ALIVE(regStandby[reg]) || HOLDS(NODE(regStandby[reg]), regBase[reg]) || live[NODE(regStandby[reg])])
}

/* What a node sends to itself in the step before. */
#define SELF skip; d_step { if :: toSelf -> handOver() :: else fi }

/* All that was sent arrives. */
inline deliverMove(m) {
  skip; d_step {
    if :: sentPrepare[m] -> targetPrepare(m) :: else fi;
    if :: sentWarmed[m] -> sourceWarmed(m) :: else fi;
    if :: source[m] == freezing && COPY(m) -> sourceFrozen(m) :: else fi;
    if :: sentCapture[m] -> targetCapture(m) :: else fi;
    if :: sentCancel[m] -> targetCancel(m) :: else fi;
    if :: sentStray[m] -> targetStray(m) :: else fi;
    if :: sentRunning[m] -> sourceRunning(m) :: else fi;
    if :: sentReady[m] -> sourceReady(m) :: else fi
  }
  SELF;
  skip; d_step { if :: sentRefused[m] -> sourceStops(m) :: else fi }
  SELF;
  skip; d_step { for (ci : 0 .. tick) { if :: HAS(sentPropose[m], ci) -> homeProposed(m, false, ci) :: else fi }; skip }
  SELF;
  skip; d_step { for (ci : 0 .. tick) { if :: HAS(sentCompete[m], ci) -> homeProposed(m, true, ci) :: else fi }; skip }
  SELF;
  skip; d_step {
    for (cv : 0 .. reg) {
      for (ci : 0 .. tick) { if :: HAS(decided[m * VERSIONS + cv], ci) -> sourceRegister(m, cv, ci) :: else fi }
    };
    skip
  }
}

inline deliverNode(n) {
  skip; d_step {
    if :: boot[n] > 1 && n != HOME -> homeSees(LIFE(n)) :: else fi;
    for (cv : 1 .. 2) {
      for (ci : 0 .. tick) { if :: HAS(queried[n * 4 + cv], ci) -> homeQueried(n * 4 + cv, ci) :: else fi }
    };
    skip
  }
  SELF;
  skip; d_step {
    for (cv : 0 .. reg) {
      if
      :: HAS(grantedTo[n], cv) -> for (ci : 0 .. UNASKED) { if :: HAS(granted[cv], ci) -> nodeGranted(n, cv, ci) :: else fi }; skip
      :: else
      fi
    };
    skip
  }
  skip; d_step { for (cv : 0 .. reg) { if :: HAS(registered[n], cv) -> nodeRegistered(n, cv) :: else fi }; skip }
}

inline deliverAll() {
  for (cm : 1 .. MOVES) { deliverMove(cm) }
  skip; d_step {
    for (cv : 0 .. regEpoch[reg]) {
      for (ci : 0 .. 12) { if :: HAS(stable[cv], ci) -> homeStable(cv, ci) :: else fi };
      skip
    }
    if :: goneSent -> homeGone() :: else fi;
    if :: home == fetching && FOUND -> takeOver() :: else fi;
    if :: home == restoring -> homeRestored() :: else fi
  }
  SELF;
  for (cn : A .. C) { deliverNode(cn) }
}

/* All timers go off, those that give something up only after the others had their chance. */
inline fireAll() {
  for (cm : 1 .. MOVES) {
    skip; d_step { if :: BEFORE(cm) && turn > 2 -> sourceStops(cm) :: else -> sourceAsks(cm) fi }
    SELF;
    skip; d_step {
      if
      :: target[cm] == ready -> targetAsks(cm); sentReady[cm] = true
      :: target[cm] == warm && turn > 3 -> targetExpires(cm)
      :: else
      fi
    }
    SELF
  }
  for (cn : A .. C) {
    skip; d_step {
      if
      :: owner[cn] == owning ->
        if :: leaseUntil[cn] != FOREVER -> ownerRenews(cn) :: else fi;
        if :: announcing[cn] > 0 -> ownerAnnounces(cn) :: else fi
      :: else
      fi
    }
    SELF
  }
  skip; d_step { if :: homeDue != FOREVER && tick >= homeDue -> homeTimer() :: else fi; skip }
}

inline loseAll() {
  for (ci : 1 .. MOVES) {
    sentPrepare[ci] = false; sentWarmed[ci] = false; sentCapture[ci] = false; sentReady[ci] = false; sentRefused[ci] = false;
    sentCancel[ci] = false; sentStray[ci] = false; sentRunning[ci] = false; sentPropose[ci] = 0; sentCompete[ci] = 0; decidedOf[ci] = 0;
    for (cv : 0 .. VERSIONS - 1) { decided[ci * VERSIONS + cv] = 0 }
  }
  for (cv : 0 .. VERSIONS - 1) { granted[cv] = 0 }
  for (ci : 0 .. 2) { grantedTo[ci] = 0; registered[ci] = 0; queried[ci * 4 + 1] = 0; queried[ci * 4 + 2] = 0; queried[ci * 4 + 3] = 0 }
  for (cv : 0 .. EPOCHS - 1) { stable[cv] = 0 }
  stableOf = 0;
  goneSent = false
}

/* With nothing in flight only the present register matters: many worlds become one. */
inline present() {
  regEpoch[0] = regEpoch[reg]; regOwner[0] = regOwner[reg]; regMove[0] = regMove[reg]; regBase[0] = regBase[reg]; regStandby[0] = regStandby[reg];
  for (ci : 1 .. VERSIONS - 1) { regEpoch[ci] = 0; regOwner[ci] = 0; regMove[ci] = 0; regBase[ci] = 0; regStandby[ci] = 0 };
  reg = 0
}

#define ROUNDS 10
/* I4, I5: exactly the register's owner runs, unless owner and standby died together. */
#define LOST (home == fetching && !FOUND && !ALIVE(regStandby[reg]) && ((RAISED && !RAISE_FIRST) || !ALIVE(regOwner[reg]) || (goneLife == regOwner[reg] && goneEpoch == regEpoch[reg])))
#define ATREST (home == settled && ALIVE(regOwner[reg]) && RUNNERS == (1 << NODE(regOwner[reg])))

inline rest() {
  for (turn : 0 .. ROUNDS) {
    fireAll();
    for (again : 1 .. 2) { deliverAll() }
    skip; d_step { check(); if :: turn == 2 || turn == 4 || turn == 6 -> tick = tick + 1 :: else fi }
    skip; d_step { if :: turn == 8 && ATREST -> cn = NODE(regOwner[reg]); ownerCheckpoints(cn) :: else fi }
    SELF
  }
  skip; d_step {
    assert(I4 || ATREST || LOST);
    for (cm : 1 .. MOVES) { assert(I8 || (restored[cm] == 0 && (LOST || retained[cm] == 0))) }  /* I8: nobody keeps what nobody needs */
    forget(); skip
  }
}

/* One state for all that have been checked. */
inline forget() {
  tick = 0; begun = 0; crashes = 0; reg = 0; home = none; homeDue = 0; kept = 0;
  loseAll(); goneLife = 0; goneEpoch = 0;
  for (ci : 0 .. MOVES) {
    sourceLife[ci] = 0; targetLife[ci] = 0; planEpoch[ci] = 0; source[ci] = none; giveUp[ci] = false; captured[ci] = 0;
    target[ci] = none; readyAt[ci] = 0; retained[ci] = 0; restored[ci] = 0
  }
  for (ci : A .. C) { boot[ci] = 0; noCopy(ci); noOwner(ci, none); ownerEpoch[ci] = 0 }
  for (ci : 0 .. VERSIONS - 1) { regEpoch[ci] = 0; regOwner[ci] = 0; regMove[ci] = 0; regBase[ci] = 0; regStandby[ci] = 0 }
  for (ci : 0 .. EPOCHS - 1) { ranAt[ci] = 0; stableAt[ci] = 0; stableBy[ci] = 0 }
}

/* After each step: the checks, and a line of the trace, whose grammar `core/migration/replay.test-support.ts` reads; `#` marks what `spin.ts` names. */
inline step(what, x, y, z) {
  check();
  printf("#%d %d %d %d | tick %d run %d reg %d %d %d %d", what, x, y, z, tick, RUNNERS, regEpoch[reg], regOwner[reg], regBase[reg], regStandby[reg]);
  printf(" home #%d owners #%d #%d #%d moves", home, owner[A], owner[B], owner[C]);
  for (h : 1 .. MOVES) { printf(" #%d #%d", source[h], target[h]) }
  printf("\n");
  if :: GOAL > 0 -> atGoal = WANTED; assert(!atGoal) :: else fi
}
