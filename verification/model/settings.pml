/*
 * The settings and the switches. The checker reads them from the environment (MODEL="HOME=2 TICKS=1 …") when it begins, so that one compiled checker
 * serves all runs; the simulator (-DSIMULATE) needs them as constants.
 */
#ifdef SIMULATE
#ifndef HOME
#define HOME 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef HOMECRASHES
#define HOMECRASHES 0
#endif
#ifndef TICKS
#define TICKS 1
#endif
#ifndef LEASE
#define LEASE 1
#endif
#ifndef TURNS
#define TURNS 0
#endif
#ifndef NOCALM
#define NOCALM 0
#endif
#ifndef LOSEALL
#define LOSEALL 0
#endif
#ifndef PATIENT
#define PATIENT 0
#endif
#ifndef PERISHES
#define PERISHES 0
#endif
#ifndef GOAL
#define GOAL 0
#endif
#ifndef NO_RETAIN
#define NO_RETAIN 0
#endif
#ifndef NO_COMPETE
#define NO_COMPETE 0
#endif
#ifndef NO_GRANT
#define NO_GRANT 0
#endif
#ifndef RUN_ON
#define RUN_ON 0
#endif
#ifndef NO_WAIT
#define NO_WAIT 0
#endif
#ifndef NO_MARGIN
#define NO_MARGIN 0
#endif
#ifndef LEASE_FROM_GRANT
#define LEASE_FROM_GRANT 0
#endif
#ifndef NO_DISK
#define NO_DISK 0
#endif
#ifndef NO_FENCE
#define NO_FENCE 0
#endif
#ifndef NO_CAS
#define NO_CAS 0
#endif
#ifndef ANY_LIFE
#define ANY_LIFE 0
#endif
#ifndef EARLY_STABLE
#define EARLY_STABLE 0
#endif
#ifndef QUERY_PROVES
#define QUERY_PROVES 0
#endif
#ifndef RAISE_FIRST
#define RAISE_FIRST 0
#endif
#define SETTINGS skip
#else
hidden byte HOME, CRASHES, HOMECRASHES, TICKS, LEASE, TURNS, GOAL;
hidden byte NOCALM, LOSEALL, PATIENT, PERISHES, NO_RETAIN, NO_COMPETE, NO_GRANT, RUN_ON, NO_WAIT, NO_MARGIN, LEASE_FROM_GRANT, NO_DISK, NO_FENCE, NO_CAS, ANY_LIFE, EARLY_STABLE, QUERY_PROVES, RAISE_FIRST;
c_code {
  static int setting(const char *name, int otherwise) {
    const char *all = getenv("MODEL"), *at = all;
    size_t length = strlen(name);
    while (at && (at = strstr(at, name))) {
      if ((at == all || at[-1] == ' ') && at[length] == '=') return atoi(at + length + 1);
      at += length;
    }
    return otherwise;
  }
};
#define SETTINGS c_code { \
    HOME = setting("HOME", 2); \
    CRASHES = setting("CRASHES", 1); \
    HOMECRASHES = setting("HOMECRASHES", 0); \
    TICKS = setting("TICKS", 1); \
    LEASE = setting("LEASE", 1); \
    TURNS = setting("TURNS", 0); \
    NOCALM = setting("NOCALM", 0); \
    LOSEALL = setting("LOSEALL", 0); \
    PATIENT = setting("PATIENT", 0); \
    PERISHES = setting("PERISHES", 0); \
    GOAL = setting("GOAL", 0); \
    NO_RETAIN = setting("NO_RETAIN", 0); \
    NO_COMPETE = setting("NO_COMPETE", 0); \
    NO_GRANT = setting("NO_GRANT", 0); \
    RUN_ON = setting("RUN_ON", 0); \
    NO_WAIT = setting("NO_WAIT", 0); \
    NO_MARGIN = setting("NO_MARGIN", 0); \
    LEASE_FROM_GRANT = setting("LEASE_FROM_GRANT", 0); \
    NO_DISK = setting("NO_DISK", 0); \
    NO_FENCE = setting("NO_FENCE", 0); \
    NO_CAS = setting("NO_CAS", 0); \
    ANY_LIFE = setting("ANY_LIFE", 0); \
    EARLY_STABLE = setting("EARLY_STABLE", 0); \
    QUERY_PROVES = setting("QUERY_PROVES", 0); \
    RAISE_FIRST = setting("RAISE_FIRST", 0); \
  }
#endif
