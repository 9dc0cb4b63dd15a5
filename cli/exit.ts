/** Exit codes of the command: it ended in order, also when it was told to by a signal. */
export const exitOk = 0;
/** It could not start, or an application failed. */
export const exitFailed = 1;
/** Wrong options, a missing key, or an application file that is none: fix the command line. */
export const exitUsage = 2;
