/*
 * One actor, three nodes, up to MOVES moves in a row, checked by spin through all that may happen: see README.md and docs/protocol.md.
 *
 *   spin -a -DMOVES=1 migration.pml && cc -O1 -DSAFETY -DNOREDUCE -DCOLLAPSE -o pan pan.c && MODEL="HOME=2 CRASHES=1" ./pan
 *
 * HOME     the node that keeps the register: 0 where the actor is at first (the source), 1 or 2 another
 * MOVES    moves that may begin, wherever the actor runs, to any other node (1 or 2); the only one that the compiler must know
 * CRASHES  crashes in all, and HOMECRASHES of the home among them
 * TICKS    how far time goes before the faults stop; LEASE ticks are a lease
 * TURNS    turns that are followed by a checkpoint
 * PERISHES lets one instance die while its node lives
 * NOCALM   leaves out the worlds at rest, LOSEALL those where all that was in flight arrives; PATIENT leaves out what gives a move up for no reason
 * The ablations are switches too (0 or 1): `runs.ts` says which there are and what each must break.
 */
#ifndef MOVES
#define MOVES 1
#endif
#define EPOCHS 10
#define VERSIONS 14

#include "settings.pml"
#include "machines.pml"
#include "goals.pml"
#include "checks.pml"

/* Chooses an element of a set that is not empty. */
#define CHOOSE(set, i) i = 0; do :: HAS(set, i) -> break :: ((set) >> (i + 1)) != 0 -> i++ od

/* The messages and the timers of one move. */
proctype Move(byte m) provided (!over && !toSelf) {
  byte i, v;
  do
  :: d_step { sentPrepare[m] -> targetPrepare(m); step(deliverPrepare, m, 0, 0) }
  :: d_step { sentWarmed[m] -> sourceWarmed(m); step(deliverWarmed, m, 0, 0) }
  :: d_step { source[m] == freezing && COPY(m) -> sourceFrozen(m); step(freeze, m, 0, 0) }
  :: d_step { sentCapture[m] -> targetCapture(m); step(deliverCapture, m, 0, 0) }
  :: d_step { sentReady[m] -> sourceReady(m); step(deliverReady, m, 0, 0) }
  :: d_step { sentRefused[m] -> sourceStops(m); step(deliverRefused, m, 0, 0) }
  :: d_step { sentCancel[m] -> targetCancel(m); step(deliverCancel, m, 0, 0) }
  :: d_step { sentStray[m] -> targetStray(m); step(deliverStray, m, 0, 0) }
  :: d_step { sentRunning[m] -> sourceRunning(m); step(deliverRunning, m, 0, 0) }
  :: d_step { source[m] == proposing || source[m] == committed -> sourceAsks(m); step(ask, m, 0, 0) }
  :: d_step { target[m] == ready -> targetAsks(m); step(doubt, m, 0, 0) }
  :: d_step { !PATIENT && (BEFORE(m) || (source[m] == proposing && !giveUp[m])) -> sourceStops(m); step(cancel, m, 0, 0) }
  :: d_step { !PATIENT && target[m] == warm -> targetDiscards(m); step(lose, m, 0, 0) }
  :: d_step { !PATIENT && target[m] == warm -> targetExpires(m); step(expire, m, 0, 0) }
  :: atomic { sentPropose[m] != 0 -> CHOOSE(sentPropose[m], i); d_step { homeProposed(m, false, i); step(deliverPropose, m, i, 0); i = 0 } }
  :: atomic { sentCompete[m] != 0 -> CHOOSE(sentCompete[m], i); d_step { homeProposed(m, true, i); step(deliverCompete, m, i, 0); i = 0 } }
  :: atomic {
      decidedOf[m] != 0 -> CHOOSE(decidedOf[m], v); CHOOSE(decided[m * VERSIONS + v], i);
      d_step { sourceRegister(m, v, i); step(deliverDecided, m, v, i); v = 0; i = 0 }
    }
  od
}

/* Where the actor may be: its owner, what the home tells it, what it asks the home, and its deaths. */
proctype Node(byte n) provided (!over && !toSelf) {
  byte i, v;
  do
  :: d_step { MAYBEGIN(n, A) -> begin(n, A); step(beginMove, begun, n, A) }
  :: d_step { MAYBEGIN(n, B) -> begin(n, B); step(beginMove, begun, n, B) }
  :: d_step { MAYBEGIN(n, C) -> begin(n, C); step(beginMove, begun, n, C) }
  :: d_step { MAYRUN(n) && turns[n] < TURNS + begun -> ownerCheckpoints(n); step(checkpoint, n, 0, 0) }
  :: d_step { owner[n] == owning && leaseUntil[n] < tick + LEASE -> ownerRenews(n); step(renew, n, 0, 0) }
  :: d_step { crashes < CRASHES && (n != HOME || boot[n] <= HOMECRASHES) -> crashNode(n); step(crash, n, 0, 0) }
  :: d_step { PERISHES && goneLife == 0 && live[n] && !frozen[n] && owner[n] == owning -> ownerPerishes(n); step(perish, n, 0, 0) }
  :: d_step { boot[n] > 1 && n != HOME -> homeSees(LIFE(n)); step(seen, n, 0, 0) }
  :: atomic { registered[n] != 0 -> CHOOSE(registered[n], v); d_step { nodeRegistered(n, v); step(deliverRegistered, n, v, 0); v = 0 } }
  :: atomic {
      grantedTo[n] != 0 -> CHOOSE(grantedTo[n], v); CHOOSE(granted[v], i);
      d_step { nodeGranted(n, v, i); step(deliverGrant, n, v, i); v = 0; i = 0 }
    }
  :: atomic { queried[n * 4 + 1] != 0 -> CHOOSE(queried[n * 4 + 1], i); d_step { homeQueried(n * 4 + 1, i); step(deliverQuery, n, 1, i); i = 0 } }
  :: atomic { queried[n * 4 + 2] != 0 -> CHOOSE(queried[n * 4 + 2], i); d_step { homeQueried(n * 4 + 2, i); step(deliverQuery, n, 2, i); i = 0 } }
  od
}

proctype Home() provided (!over && !toSelf) {
  byte i, v;
  do
  :: d_step { home == fetching && FOUND -> takeOver(); step(obtain, 0, 0, 0) }
  :: d_step { home == restoring -> homeRestored(); step(restore, 0, 0, 0) }
  :: d_step { homeDue != FOREVER && TIMEOVER -> homeTimer(); step(overdue, 0, 0, 0) }
  :: d_step { goneSent -> homeGone(); step(deliverGone, 0, 0, 0) }
  :: d_step { tick < TICKS -> tick++; step(passTime, 0, 0, 0) }
  :: atomic { stableOf != 0 -> CHOOSE(stableOf, v); CHOOSE(stable[v], i); d_step { homeStable(v, i); step(deliverStable, v, i, 0); v = 0; i = 0 } }
  od
}

/* Nothing comes between a node and itself. */
proctype Local() provided (!over) {
  do
  :: d_step { toSelf -> handOver(); step(deliverLocal, 0, 0, 0) }
  od
}

/* At any moment the faults may stop. What follows is the same for every schedule, and ends with the checks of a world at rest. */
proctype Calm() {
  if
  :: d_step { !NOCALM && !toSelf && !over -> over = true; loseAll(); present(); skip }
  :: d_step { !NOCALM && !LOSEALL && !toSelf && !over -> over = true }
  fi;
  atomic { true; rest() }
}

init {
  SETTINGS;
  d_step {
    boot[A] = 1; boot[B] = 1; boot[C] = 1;
    for (h : A .. C) { owner[h] = none }
    for (h : 0 .. MOVES) { source[h] = none; target[h] = none }
    home = settled; homeDue = (HOME == A -> FOREVER : LEASE);
    regEpoch[0] = 1; regOwner[0] = LIFE(A); regStandby[0] = LIFE(HOME);
    ADD(kept, 0);
    runAt(A, 1, 0, UNTIL(A, 0));
    step(spawn, HOME, 0, 0)
  }
  atomic { run Move(1);
#if MOVES > 1
    run Move(2);
#endif
    run Node(A); run Node(B); run Node(C); run Home(); run Local(); run Calm() }
}
