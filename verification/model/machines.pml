/*
 * The machines of core/migration as Promela: the same decisions, on abstract data. One inline per thing that can be fed to a machine.
 * What is abstracted: the turns of the actor are a number; toSelf work (warm, restore a capture, get blobs) is one step with what begins it;
 * the reasons and reports are left out; time is a count of ticks, a lease is LEASE of them. A copy's hash is its number of turns.
 *
 * Each inline runs inside d_step: no choice, no blocking. Scratch variables are `hidden`: they carry nothing from step to step.
 */
mtype = {
  none,
  preparing, freezing, awaitingReady, proposing, committed, done, givenUp, superseded, /* source */
  warm, ready, running, ended,                                                           /* target */
  owning, fenced, handedOver,                                                            /* owner: 'running' and 'paused' are told apart by the lease */
  settled, fetching, restoring                                                                     /* home */
};
/* The names of steps, for the traces. */
mtype = {
  spawn, beginMove, freeze, cancel, ask, lose, expire, doubt, checkpoint, renew, crash, perish, seen, obtain, restore, overdue, passTime,
  deliverPrepare, deliverWarmed, deliverCapture, deliverReady, deliverRefused, deliverCancel, deliverStray, deliverRunning,
  deliverPropose, deliverCompete, deliverDecided, deliverRegistered, deliverGrant, deliverQuery, deliverStable, deliverGone, deliverLocal
};

#define A 0
#define B 1
#define C 2
#define NODES 3
/* A life of a node: its name and the boot id, counted. */
#define LIFE(n) ((n) * 4 + boot[n])
#define NODE(life) ((life) >> 2)
/* The move of a register that a takeover made; 0 is the spawn. */
#define TAKEOVER 9
/* A lease without an end, and a timer that is not set. */
#define FOREVER 255
/* The bit of a grant or a decision that answers no question. Ticks are the bits below. */
#define UNASKED 14
#define HAS(set, k) (((set) >> (k)) & 1)
#define ADD(set, k) set = set | (1 << (k))

/* ---- nodes */
byte boot[NODES];
bool live[NODES];
bool frozen[NODES];
byte liveEpoch[NODES];
byte turns[NODES];
mtype owner[NODES];
byte ownerEpoch[NODES];
byte leaseUntil[NODES];
/* The checkpoint being announced: turns + 1 (0: none) and the life of its standby. */
byte announcing[NODES];
byte announcedAt[NODES];

/* ---- moves: what the source's plan says, its machine, the target's machine. Slot 0 is not used. */
byte sourceLife[MOVES + 1];
byte targetLife[MOVES + 1];
byte planEpoch[MOVES + 1];
mtype source[MOVES + 1];
bool giveUp[MOVES + 1];
byte captured[MOVES + 1];
mtype target[MOVES + 1];
byte readyAt[MOVES + 1];
/* Copies: turns + 1, 0 for none. */
byte retained[MOVES + 1];
byte restored[MOVES + 1];

/* ---- home: every version the register ever had; `reg` is the present one. Bases on the home's disk, by turns. */
byte reg;
byte regEpoch[VERSIONS];
byte regOwner[VERSIONS];
byte regMove[VERSIONS];
byte regBase[VERSIONS];
byte regStandby[VERSIONS];
mtype home;
byte homeDue;
short kept;
byte tick;

/* ---- the network: everything ever sent. A message may come late, often, in any order, or never. */
bool sentPrepare[MOVES + 1];
bool sentWarmed[MOVES + 1];
bool sentCapture[MOVES + 1];
bool sentReady[MOVES + 1];
bool sentRefused[MOVES + 1];
bool sentCancel[MOVES + 1];
bool sentStray[MOVES + 1];    /* `cancel` by another life of the source's node */
bool sentRunning[MOVES + 1];
short sentPropose[MOVES + 1]; /* by askedAt */
short sentCompete[MOVES + 1];
short decided[(MOVES + 1) * VERSIONS]; /* by move and version: askedAt */
short decidedOf[MOVES + 1];            /* the versions for which there is one */
short granted[VERSIONS];               /* by version: askedAt, or UNASKED */
short grantedTo[NODES];                /* the versions for which there is one, by the owner's node */
short registered[NODES];               /* by receiver: version */
short queried[NODES * 4];              /* by life: askedAt */
short stable[EPOCHS];                  /* by epoch: turns */
short stableOf;                        /* the epochs for which there is one */
short stableAt[EPOCHS];                /* same: the home's boot id at that time, less one */
byte stableBy[EPOCHS];                 /* who announces them */
byte goneLife;                         /* the owner that says that it lost its instance, 0 for none, and */
byte goneEpoch;                        /* its epoch; */
bool goneSent;                         /* its word is under way */

/* A message to the own node is handed over at once: nothing comes before it. 0 is none, else what it is plus 1. */
bool toSelf;
byte localPropose;
byte localQuery;
byte localStable;
byte localGrant;
byte localDecided;
bool localTold;

/* ---- counts of what may still happen, and what the checks remember */
byte begun;
byte crashes;
byte ranAt[EPOCHS];
bool fenceBroken;
bool ranWithout;
hidden byte h, g, next, atEpoch;
hidden byte mine;

#define INTIME(n) (RUN_ON || tick < leaseUntil[n])
/* core/node begins turns on the copy, and the owner machine allows it. */
#define MAYRUN(n) (live[n] && !frozen[n] && owner[n] == owning && ownerEpoch[n] == liveEpoch[n] && INTIME(n))
#define RUNNERS (MAYRUN(A) + MAYRUN(B) * 2 + MAYRUN(C) * 4)
#define BEFORE(m) (source[m] == preparing || source[m] == freezing || source[m] == awaitingReady)
#define MOVING(n, m) ((BEFORE(m) || source[m] == proposing) && NODE(sourceLife[m]) == n)
/* The first move goes to B: the other places are the same by symmetry, or by another HOME. */
#if MOVES > 1
#define MAYBEGIN(n, to) (begun < MOVES && n != to && (begun > 0 || to == B) && MAYRUN(n) && !MOVING(n, 1) && !MOVING(n, 2))
#else
#define MAYBEGIN(n, to) (begun < MOVES && n != to && to == B && MAYRUN(n))
#endif
/* The copy that the move is of, not one that took its place. */
#define COPY(m) (live[NODE(sourceLife[m])] && liveEpoch[NODE(sourceLife[m])] == planEpoch[m])
#define ISSOURCE(n, m) (source[m] != none && NODE(sourceLife[m]) == n)
#define ISTARGET(n, m) (target[m] != none && NODE(targetLife[m]) == n)
#define NEEDSCOPY(m, v) (regBase[v] == captured[m] && regStandby[v] == sourceLife[m])
#define SAME(a, b) ((a) == (b) || (ANY_LIFE && NODE(a) == NODE(b)))

/* The copy and the owner machine of a node go live. */
inline runAt(n, e, t, until) {
  live[n] = true; frozen[n] = false; liveEpoch[n] = e; turns[n] = t;
  owner[n] = owning; ownerEpoch[n] = e; leaseUntil[n] = until; announcing[n] = 0; announcedAt[n] = 0
}

inline noCopy(n) {
  live[n] = false; frozen[n] = false; liveEpoch[n] = 0; turns[n] = 0
}

inline noOwner(n, phase) {
  owner[n] = phase; leaseUntil[n] = 0; announcing[n] = 0; announcedAt[n] = 0
}

#define UNTIL(n, at) (n == HOME -> FOREVER : (at) + LEASE)

/* ---- sending to the home, and from it */
inline proposes(m) {
  if
  :: NODE(sourceLife[m]) == HOME -> localPropose = m; toSelf = true
  :: else -> if :: giveUp[m] -> ADD(sentCompete[m], tick) :: else -> ADD(sentPropose[m], tick) fi
  fi
}

inline asks(life) {
  if :: NODE(life) == HOME -> localQuery = life; toSelf = true :: else -> ADD(queried[life], tick) fi
}

inline homeGrants(at) {
  if
  :: NODE(regOwner[reg]) == HOME -> localGrant = at + 1; toSelf = true
  :: else -> ADD(granted[reg], at); ADD(grantedTo[NODE(regOwner[reg])], reg)
  fi
}

inline homeTells(n) {
  if :: n == HOME -> localTold = true; toSelf = true :: else -> ADD(registered[n], reg) fi
}

/* ---- source.ts */
inline dropCopy(m) {
  if
  :: COPY(m) -> noCopy(NODE(sourceLife[m]))
  :: else
  fi;
  retained[m] = 0
}

inline begin(n, to) {
  begun++; sourceLife[begun] = LIFE(n); targetLife[begun] = LIFE(to); planEpoch[begun] = liveEpoch[n];
  source[begun] = preparing; sentPrepare[begun] = true
}

inline sourceWarmed(m) {
  if
  :: source[m] == preparing -> source[m] = freezing; if :: COPY(m) -> frozen[NODE(sourceLife[m])] = true :: else fi
  :: source[m] == none -> sentStray[m] = true
  :: else
  fi
}

/* The turn under way has ended: no checkpoint has it. */
inline sourceFrozen(m) {
  turns[NODE(sourceLife[m])]++; source[m] = awaitingReady; captured[m] = turns[NODE(sourceLife[m])]; sentCapture[m] = true
}

inline sourceReady(m) {
  if
  :: source[m] == awaitingReady -> noOwner(NODE(sourceLife[m]), handedOver); source[m] = proposing; giveUp[m] = false; proposes(m)
  :: source[m] == givenUp || source[m] == superseded || source[m] == done -> sentCancel[m] = true
  :: source[m] == none -> sentStray[m] = true
  :: else
  fi
}

/* cancel, failed, refused, peerLost of the target, and each timer before the proposal: all of them end in stop(). */
inline sourceStops(m) {
  if
  :: BEFORE(m) ->
    if :: source[m] != preparing && COPY(m) -> frozen[NODE(sourceLife[m])] = false :: else fi;
    source[m] = givenUp; sentCancel[m] = true
  :: source[m] == proposing && !giveUp[m] ->
    if
    :: NO_COMPETE -> source[m] = givenUp; runAt(NODE(sourceLife[m]), planEpoch[m], turns[NODE(sourceLife[m])], FOREVER)
    :: else -> giveUp[m] = true; proposes(m)
    fi
  :: else
  fi
}

/* The timers `propose` and `retain`, and peerRegained of the home. */
inline sourceAsks(m) {
  if
  :: source[m] == proposing -> proposes(m)
  :: source[m] == committed -> asks(sourceLife[m])
  :: else
  fi
}

inline sourceCommits(m) {
  source[m] = committed;
  retained[m] = (NO_RETAIN -> 0 : turns[NODE(sourceLife[m])] + 1);
  noCopy(NODE(sourceLife[m]))
}

inline sourceFinishes(m) {
  source[m] = done; dropCopy(m)
}

/* What a register says; `at` is when it was asked for by a proposal, UNASKED for any other. */
inline sourceRegister(m, v, at) {
  if
  :: source[m] == none || regEpoch[v] <= planEpoch[m]
  :: else ->
    if
    :: BEFORE(m) -> source[m] = superseded; dropCopy(m); sentCancel[m] = true
    :: source[m] == proposing ->
      if
      :: regMove[v] == m && regOwner[v] == targetLife[m] -> sourceCommits(m)
      :: regMove[v] == m && regOwner[v] == sourceLife[m] && at == UNASKED
      :: regMove[v] == m && regOwner[v] == sourceLife[m] && at != UNASKED ->
        source[m] = givenUp; sentCancel[m] = true;
        if :: !live[NODE(sourceLife[m])] -> ranWithout = true :: else fi;
        runAt(NODE(sourceLife[m]), regEpoch[v], turns[NODE(sourceLife[m])], UNTIL(NODE(sourceLife[m]), at))
      :: regMove[v] == m && regOwner[v] != targetLife[m] && regOwner[v] != sourceLife[m]
      :: regMove[v] != m && NEEDSCOPY(m, v) -> sourceCommits(m)
      :: regMove[v] != m && !NEEDSCOPY(m, v) -> source[m] = superseded; dropCopy(m)
      fi
    :: source[m] == committed && !NEEDSCOPY(m, v) -> sourceFinishes(m)
    :: else
    fi
  fi
}

/* The actor was granted to this node by a later move. */
inline sourceReturns(m, v) {
  if
  :: regMove[v] != m && regEpoch[v] > planEpoch[m] + 1 && regOwner[v] == sourceLife[m] && (source[m] == proposing || source[m] == committed) -> sourceFinishes(m)
  :: else
  fi
}

inline sourceRunning(m) {
  if :: source[m] == proposing -> sourceCommits(m) :: else fi
}

/* ---- target.ts */
inline targetPrepare(m) {
  if
  :: target[m] == none && SAME(targetLife[m], LIFE(NODE(targetLife[m]))) -> target[m] = warm; sentWarmed[m] = true
  :: target[m] == none && !SAME(targetLife[m], LIFE(NODE(targetLife[m]))) -> sentRefused[m] = true
  :: else
  fi
}

inline targetCapture(m) {
  if
  :: target[m] == none -> sentRefused[m] = true
  :: target[m] == warm ->
    restored[m] = captured[m] + 1; readyAt[m] = tick; target[m] = ready; sentReady[m] = true;
    if
    :: NO_GRANT -> target[m] = running; runAt(NODE(targetLife[m]), planEpoch[m] + 1, captured[m], FOREVER); restored[m] = 0
    :: else
    fi
  :: else
  fi
}

inline targetDiscards(m) {
  target[m] = ended; restored[m] = 0
}

inline targetCancel(m) {
  if :: target[m] == warm || target[m] == ready -> targetDiscards(m) :: else fi
}

/* Its reservation is over, or what it was to do failed. */
inline targetExpires(m) {
  targetDiscards(m); sentRefused[m] = true
}

/* `cancel` of another life of the source's node. */
inline targetStray(m) {
  if :: ANY_LIFE && (target[m] == warm || target[m] == ready) -> targetDiscards(m) :: else fi
}

inline targetAsks(m) {
  asks(targetLife[m])
}

inline targetGrant(m, v, at) {
  if
  :: target[m] == ready && regMove[v] == m && regEpoch[v] == planEpoch[m] + 1 && regOwner[v] == targetLife[m] ->
    next = (LEASE_FROM_GRANT -> tick : (at == UNASKED -> readyAt[m] : at));
    next = UNTIL(NODE(targetLife[m]), next);
    if
    :: tick >= next -> targetAsks(m)
    :: else ->
      target[m] = running; if :: restored[m] == 0 -> ranWithout = true :: else fi;
      runAt(NODE(targetLife[m]), planEpoch[m] + 1, restored[m] - 1, next); restored[m] = 0; sentRunning[m] = true
    fi
  :: (target[m] == warm || target[m] == ready) && regMove[v] != m && regEpoch[v] > planEpoch[m] -> targetDiscards(m)
  :: else
  fi
}

#define OWNCOMMIT(m, v) (regEpoch[v] == planEpoch[m] + 1 && regMove[v] == m && regOwner[v] == targetLife[m])

inline targetRegister(m, v) {
  if
  :: (target[m] == warm || target[m] == ready) && regEpoch[v] > planEpoch[m] && !OWNCOMMIT(m, v) -> targetDiscards(m)
  :: else
  fi
}

/* ---- owner.ts */
inline ownerGrant(n, v, at) {
  if
  :: at != UNASKED && owner[n] == owning && leaseUntil[n] != FOREVER && regEpoch[v] == ownerEpoch[n] && regOwner[v] == LIFE(n) ->
    next = (LEASE_FROM_GRANT -> tick : at) + LEASE;
    if :: next > leaseUntil[n] -> leaseUntil[n] = next :: else fi
  :: else
  fi
}

inline ownerRenews(n) {
  asks(LIFE(n))
}

inline ownerRegister(n, v) {
  if
  :: owner[n] == owning && regEpoch[v] > ownerEpoch[n] && regOwner[v] != LIFE(n) -> noOwner(n, fenced); noCopy(n)
  :: owner[n] == owning && announcing[n] > 0 && regEpoch[v] == ownerEpoch[n] && regBase[v] >= announcing[n] - 1 && regStandby[v] == announcedAt[n] ->
    announcing[n] = 0; announcedAt[n] = 0
  :: else
  fi
}

inline ownerAnnounces(n) {
  if
  :: n == HOME -> localStable = announcing[n]; toSelf = true
  :: else -> ADD(stable[ownerEpoch[n]], announcing[n] - 1); ADD(stableOf, ownerEpoch[n])
  fi
}

/* One more turn, its bytes are at the home. */
inline ownerCheckpoints(n) {
  turns[n] = turns[n] + 1; ADD(kept, turns[n]);
  announcing[n] = turns[n] + 1; announcedAt[n] = LIFE(HOME);
  stableBy[ownerEpoch[n]] = LIFE(n);
  ownerAnnounces(n);
  if :: boot[HOME] > 1 -> ADD(stableAt[ownerEpoch[n]], turns[n]) :: else fi;
  for (h : 1 .. MOVES) { if :: EARLY_STABLE -> retained[h] = 0 :: else fi }
}

/* The instance dies, not its node: the owner says so to the home (node/migrations.ts, instanceLost). */
inline ownerPerishes(n) {
  goneLife = LIFE(n); goneEpoch = liveEpoch[n];
  noCopy(n); noOwner(n, none); ownerEpoch[n] = 0;
  if :: n == HOME -> homeGone() :: else -> goneSent = true fi
}

/* ---- home.ts, recovery.ts, register.ts */
inline register(e, o, m, b, s) {
  regEpoch[reg + 1] = e; regOwner[reg + 1] = o; regMove[reg + 1] = m; regBase[reg + 1] = b; regStandby[reg + 1] = s;
  reg++
}

inline waitForLease() {
  homeDue = (regOwner[reg] == LIFE(HOME) -> FOREVER : tick + LEASE)
}

#define WONBEFORE(m) (regMove[reg] == m && regEpoch[reg] == planEpoch[m] + 1 && regOwner[reg] == next)
#define EXPECTED(m) (NO_CAS || (regEpoch[reg] == planEpoch[m] && SAME(regOwner[reg], sourceLife[m])))

inline homeProposed(m, competes, at) {
  next = (competes -> sourceLife[m] : targetLife[m]);
  mine = false;
  if
  :: WONBEFORE(m) -> mine = true
  :: !WONBEFORE(m) && EXPECTED(m) ->
    mine = true;
    if :: home == fetching -> home = settled :: else fi;
    if
    :: competes -> register(regEpoch[reg] + 1, next, m, regBase[reg], regStandby[reg])
    :: else -> register(regEpoch[reg] + 1, next, m, captured[m], sourceLife[m])
    fi
  :: else
  fi;
  if
  :: mine -> waitForLease(); if :: !competes -> homeGrants(UNASKED) :: else fi
  :: else
  fi;
  if
  :: NODE(sourceLife[m]) == HOME -> localDecided = m; toSelf = true
  :: else -> ADD(decided[m * VERSIONS + reg], at); ADD(decidedOf[m], reg)
  fi
}

/* Who held the former base may drop it. */
inline tellFormer(former) {
  if :: former != regStandby[reg] -> homeTells(NODE(former)) :: else fi
}

/* The home owns it already. */
#define RAISED (home == fetching && regOwner[reg] == LIFE(HOME))

/* The home has the base. */
inline takeOver() {
  g = regStandby[reg]; ADD(kept, regBase[reg]);
  if
  :: RAISED -> register(regEpoch[reg], regOwner[reg], regMove[reg], regBase[reg], LIFE(HOME))
  :: else -> register(regEpoch[reg] + 1, LIFE(HOME), TAKEOVER, regBase[reg], LIFE(HOME))
  fi;
  home = restoring; homeDue = FOREVER;
  tellFormer(g)
}

/* Is the owner's life over for certain, the register changes at once. */
inline ownerLost(certain) {
  if
  :: NODE(regStandby[reg]) == HOME -> takeOver()
  :: else ->
    if :: RAISE_FIRST || certain -> register(regEpoch[reg] + 1, LIFE(HOME), TAKEOVER, regBase[reg], regStandby[reg]) :: else fi;
    home = fetching; homeDue = FOREVER
  fi
}

#define MAYBEGIN_TAKEOVER (home == settled || (home == fetching && !RAISED))

/* A node attaches, which only its present life can do: the owner's life is over if it is another. */
inline homeSees(life) {
  if
  :: MAYBEGIN_TAKEOVER && NODE(regOwner[reg]) == NODE(life) && regOwner[reg] != (life) && NODE(life) != HOME -> ownerLost(true)
  :: else
  fi
}

inline homeGone() {
  if :: MAYBEGIN_TAKEOVER && regOwner[reg] == goneLife && regEpoch[reg] == goneEpoch -> ownerLost(true) :: else fi
}

/* A question proves nothing about the owner's life: it may be late, from an earlier one. */
inline homeQueried(life, at) {
  if
  :: SAME(life, regOwner[reg]) && home != restoring && !RAISED -> home = settled; waitForLease(); homeGrants(at)
  :: else -> if :: QUERY_PROVES -> homeSees(life) :: else fi; homeTells(NODE(life))
  fi
}

#define STANDBY(e, t) (HOME * 4 + 1 + HAS(stableAt[e], t))

inline homeStable(e, t) {
  if
  :: (NO_FENCE || (regEpoch[reg] == e && SAME(regOwner[reg], stableBy[e]))) && regBase[reg] <= t && !(regBase[reg] == t && regStandby[reg] == STANDBY(e, t)) ->
    if :: regEpoch[reg] != e -> fenceBroken = true :: else fi;
    g = regStandby[reg];
    register(regEpoch[reg], regOwner[reg], regMove[reg], t, STANDBY(e, t)); tellFormer(g)
  :: else
  fi;
  homeTells(NODE(stableBy[e]))
}

/* The base is on the home's disk, or the standby's node still retains it. */
#define RETAINS(n, m, t) (retained[m] == (t) + 1 && NODE(sourceLife[m]) == n)
#if MOVES > 1
#define HOLDS(n, t) (RETAINS(n, 1, t) || RETAINS(n, 2, t) || (n == HOME && HAS(kept, t)))
#else
#define HOLDS(n, t) (RETAINS(n, 1, t) || (n == HOME && HAS(kept, t)))
#endif
#define FOUND (HOLDS(HOME, regBase[reg]) || HOLDS(NODE(regStandby[reg]), regBase[reg]))

inline homeRestored() {
  home = settled;
  runAt(HOME, regEpoch[reg], regBase[reg], FOREVER)
}

/* Is the home's wait for the owner's lease over? Ticks are coarse enough to hold the margin for clocks. */
#define TIMEOVER (NO_WAIT || tick + NO_MARGIN >= homeDue)

inline homeTimer() {
  homeDue = FOREVER;
  if :: home == settled && regOwner[reg] != LIFE(HOME) -> ownerLost(false) :: else fi
}

/* ---- a node dies and is there again at once, empty but for the home's disk */
inline crashNode(n) {
  boot[n]++; crashes++;
  noCopy(n); noOwner(n, none); ownerEpoch[n] = 0;
  for (h : 1 .. MOVES) {
    if :: ISSOURCE(n, h) -> source[h] = none; giveUp[h] = false; retained[h] = 0 :: else fi;
    if :: ISTARGET(n, h) -> target[h] = none; restored[h] = 0; readyAt[h] = 0 :: else fi
  }
  if
  :: n == HOME ->
    home = settled;
    if :: NO_DISK -> register(regEpoch[0], regOwner[0], regMove[0], regBase[0], regStandby[0]) :: else fi;
    if :: NODE(regOwner[reg]) == HOME -> ownerLost(true) :: else -> waitForLease() fi
  :: else
  fi
}

/* ---- what is for every machine of a node: sources, targets, owner, in this order */
inline nodeRegistered(n, v) {
  for (h : 1 .. MOVES) { if :: ISSOURCE(n, h) -> sourceRegister(h, v, UNASKED) :: else fi }
  for (h : 1 .. MOVES) { if :: ISTARGET(n, h) -> targetRegister(h, v) :: else fi }
  ownerRegister(n, v)
}

inline nodeGranted(n, v, at) {
  for (h : 1 .. MOVES) { if :: ISSOURCE(n, h) -> sourceReturns(h, v) :: else fi }
  for (h : 1 .. MOVES) { if :: ISTARGET(n, h) -> targetGrant(h, v, at) :: else fi }
  ownerGrant(n, v, at)
}

/* ---- what a node said to itself */
inline handOver() {
  if :: localPropose > 0 -> homeProposed(localPropose, giveUp[localPropose], tick); localPropose = 0 :: else fi;
  if :: localQuery > 0 -> homeQueried(localQuery, tick); localQuery = 0 :: else fi;
  if :: localStable > 0 -> homeStable(ownerEpoch[HOME], localStable - 1); localStable = 0 :: else fi;
  if :: localGrant > 0 -> nodeGranted(HOME, reg, localGrant - 1); localGrant = 0 :: else fi;
  if :: localDecided > 0 -> sourceRegister(localDecided, reg, tick); localDecided = 0 :: else fi;
  if :: localTold -> nodeRegistered(HOME, reg); localTold = false :: else fi;
  toSelf = false
}
