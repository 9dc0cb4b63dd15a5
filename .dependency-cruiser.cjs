// Who may import whom (docs: DESIGN "The house"). Two kinds of rules: on the resolved path, and on the raw specifier.
// The `imports` map of package.json points into dist/; the alias below points the same names back at the sources.

/** The rooms of the house and what each may import beside itself. */
const house = {
  core: [],
  runtimes: ['core'],
  transports: ['core'],
  actors: ['core'],
  'device-node': ['core', 'runtimes', 'transports'],
  'edge-node': ['core', 'runtimes', 'transports'],
  toolchain: ['core'],
  cli: ['core', 'runtimes', 'transports', 'actors', 'device-node', 'edge-node', 'toolchain', 'dashboard'],
  dashboard: ['core', 'device-node', 'edge-node'],
  benchmarks: ['core', 'runtimes', 'transports', 'actors', 'device-node', 'edge-node', 'toolchain'],
  verification: ['core', 'runtimes', 'transports', 'actors', 'device-node', 'edge-node', 'toolchain'],
  examples: ['core', 'runtimes', 'transports', 'actors', 'device-node', 'edge-node', 'toolchain'],
};
const rooms = Object.keys(house);
// Tests, and what only tests use: x.test-support.ts, test-x.ts, fixtures/, test-support/.
const test = '\\.test(-support)?\\.ts$|/test-[^/]+\\.ts$|/(fixtures|test-support)/';
const any = (names) => `^(${names.join('|')})/`;

/** A room may import itself and the rooms named in `house`, no other. */
const borders = rooms.map((room) => ({
  name: `${room}-borders`,
  comment: `${room} imports ${house[room].join(', ') || 'nothing'} of ours`,
  severity: 'error',
  // Tests of actors run them on the real host functions, which live in runtimes.
  from: { path: `^${room}/`, ...(room === 'actors' && { pathNot: test }) },
  to: { path: any(rooms.filter((other) => other !== room && !house[room].includes(other))) },
}));

/** Another room is reached by a name of the `imports` map or a public entry point, never by a path. */
const names = rooms.map((room) => ({
  name: `${room}-by-name`,
  comment: `import other rooms as '#name' or 'godwit/…', never by relative path`,
  severity: 'error',
  from: { path: `^${room}/` },
  to: { path: any(rooms.filter((other) => other !== room)), dependencyTypes: ['local'], dependencyTypesNot: ['aliased'] },
}));

module.exports = {
  forbidden: [
    ...borders,
    ...names,
    {
      name: 'no-cycles',
      comment: 'a cycle hides who owns what; types may refer to each other, they are gone at run time',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-is-portable',
      comment: 'core runs in browsers and in the script engine: no Node builtin',
      severity: 'error',
      from: { path: '^core/', pathNot: test },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-stands-alone',
      comment: 'core takes an npm package only if it is pure, small and eval-free; name it here with the reason',
      severity: 'error',
      from: { path: '^core/', pathNot: test },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-peer', 'npm-optional'] },
    },
    {
      name: 'guest-is-ecmascript',
      comment: 'runtimes/guest runs inside the script engine: it imports core and itself only',
      severity: 'error',
      from: { path: '^runtimes/guest/', pathNot: test },
      to: { pathNot: ['^runtimes/guest/', '^core/'] },
    },
    {
      name: 'guest-is-data',
      comment: 'nobody but the engine that drives it imports the guest (they share the packed layout): a bundler resolves it by path and ships it',
      severity: 'error',
      from: { pathNot: ['^runtimes/guest/', '^runtimes/script/'] },
      to: { path: '^runtimes/guest/' },
    },
    {
      name: 'proven-in-tests-only',
      comment: 'shipped code does not import tests, dev dependencies or what package.json does not list',
      severity: 'error',
      from: { path: any(['core', 'runtimes', 'transports', 'actors', 'device-node', 'edge-node', 'toolchain', 'cli', 'dashboard']), pathNot: test },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer', 'npm-optional', 'type-only'] },
    },
    {
      name: 'optional-peers-are-lazy',
      comment: 'heavy packages are optional: load them with import() where used, with a clear message when absent',
      severity: 'error',
      from: { pathNot: [test, any(['benchmarks', 'examples'])] },
      to: { dependencyTypes: ['npm-peer'], dependencyTypesNot: ['dynamic-import', 'type-only', 'type-import'] },
    },
    { name: 'no-import-of-tests', comment: 'a test is the end of the line', severity: 'error', from: {}, to: { path: '\\.test\\.ts$' } },
    { name: 'no-import-of-test-support', comment: 'only tests use what is there for tests', severity: 'error', from: { pathNot: test }, to: { path: test } },
    { name: 'resolvable', comment: 'this import leads nowhere', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    webpackConfig: { fileName: '.ci/import-names.cjs' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
