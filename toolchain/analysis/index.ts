export type { Analysis, TaggedName } from './analyse.js';
export { analyse, checkProgram } from './analyse.js';
export type { Finding, FindingCode, FindingText } from './findings.js';
export { createFinding, findingTitles, formatFindings, offsetAt } from './findings.js';
export { freeGlobals } from './free-globals.js';
export { guestGlobals, insteadOf } from './guest-globals.js';
export type { Transformed, TransformOptions } from './transform.js';
export { transform } from './transform.js';
