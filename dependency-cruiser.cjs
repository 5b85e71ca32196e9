// Who may import whom: the table of ARCHITECTURE.md as rules. Run by `npm run check:imports`, which also fails when
// fewer modules were seen than there are.
const SERVER = {
  kernel: [],
  bus: ['kernel'],
  sip: ['kernel'],
  tenants: ['kernel'],
  hub: ['kernel', 'tenants'],
  'app-server': ['kernel', 'tenants'],
  'media-layer': ['kernel', 'tenants'],
  cluster: ['kernel', 'tenants'],
  records: ['kernel', 'tenants'],
  calls: ['kernel', 'tenants'],
  media: ['kernel'],
  'media-streams': ['kernel', 'media'],
  trace: ['kernel'],
  bridge: ['kernel', 'calls', 'sip', 'media'],
  gateway: ['kernel', 'tenants', 'hub'],
  rest: ['kernel', 'tenants', 'records', 'calls', 'cluster', 'hub', 'app-server', 'media-layer'],
};
const ADAPTER = '\\.(nats|mediasoup|undici|ws|socketio|fastify|pg|fs|child)\\.ts$';
const TEST = '(\\.test|\\.conformance|\\.bench|\\.fake)\\.tsx?$|/testing/';
const esc = (s) => s.replace(/[-]/g, '\\-');
const alternatives = (names) => names.map(esc).join('|');

const layers = Object.entries(SERVER).flatMap(([name, allowed]) => [
  {
    name: `server-${name}`,
    severity: 'error',
    comment: `server/src/${name} may import only: ${[name, ...allowed].join(', ')}, and ports.ts files as types`,
    from: { path: `^server/src/${esc(name)}/`, pathNot: `\\.nats\\.ts$|${TEST}` },
    to: {
      path: '^server/src/',
      pathNot: `^server/src/(${alternatives([name, ...allowed])})/|/ports\\.ts$`,
    },
  },
  {
    name: `server-${name}-nats`,
    severity: 'error',
    from: { path: `^server/src/${esc(name)}/.*\\.nats\\.ts$` },
    to: { path: '^server/src/', pathNot: `^server/src/(${alternatives([name, 'bus', ...allowed])})/|/ports\\.ts$` },
  },
]);
const only = (pkg, path) => ({
  name: `only-adapters-import-${pkg.replace(/\W+/g, '-')}`,
  severity: 'error',
  from: { pathNot: `${path}|${TEST}|^examples/|^scripts/|^e2e/` },
  to: { path: `node_modules/${pkg}`, dependencyTypesNot: ['type-only'] },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: `${TEST}|\\.d\\.ts$|main\\.tsx?$|config\\.[cm]?[jt]s$|^scripts/|^examples/|^e2e/`,
      },
      to: {},
    },
    ...layers,
    {
      name: 'ports-only-as-types',
      severity: 'error',
      comment: "another folder's ports.ts is imported with `import type`",
      from: { path: '^server/src/([^/]+)/', pathNot: TEST },
      to: { path: '/ports\\.ts$', pathNot: '^server/src/$1/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'through-index',
      severity: 'error',
      comment: 'a folder is imported through its index.ts; app/ may name adapters',
      from: { path: '^server/src/([^/]+)/', pathNot: `^server/src/app/|${TEST}` },
      to: { path: '^server/src/([^/]+)/(?!index\\.ts$|ports\\.ts$)', pathNot: '^server/src/($1|kernel|bus)/' },
    },
    {
      name: 'app-names-index-or-adapter',
      severity: 'error',
      from: { path: '^server/src/app/', pathNot: TEST },
      to: {
        path: '^server/src/',
        pathNot: `^server/src/(app|kernel|bus)/|/(index|ports)\\.ts$|\\.memory\\.ts$|${ADAPTER}`,
      },
    },
    {
      name: 'adapters-only-from-app',
      severity: 'error',
      comment: 'domain code never imports x.nats.ts / x.mediasoup.ts; app/ wires them',
      from: { path: '^server/src/', pathNot: `^server/src/app/|${TEST}|${ADAPTER}|^server/src/bus/` },
      to: { path: `^server/src/.*${ADAPTER}`, dependencyTypesNot: ['type-only'] },
    },
    only('@nats-io/', '\\.nats\\.ts$|^server/src/bus/'),
    only('mediasoup/', '\\.mediasoup\\.ts$'),
    only('ws/', '\\.ws\\.ts$'),
    only('socket\\.io/', '\\.socketio\\.ts$'),
    only('fastify/', '\\.fastify\\.ts$'),
    only('undici/', '\\.undici\\.ts$'),
    only('pg/', '\\.pg\\.ts$'),
    only('mediasoup-client/', '^client/src/sdk/.*\\.mediasoup\\.ts$'),
    {
      name: 'sockets-only-in-transports',
      severity: 'error',
      comment:
        'node sockets are opened in two places: SIP transports and RTP sockets; *.ws.ts takes over those of the HTTP server',
      from: {
        path: '^server/src/',
        pathNot: `^server/src/sip/transport/|^server/src/media/rtp/.*socket|^server/src/app/|^server/src/kernel/|\\.ws\\.ts$|${TEST}`,
      },
      to: { path: '^(node:)?(dgram|net|tls)$', dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    ...[
      ...['message', 'sdp', 'digest', 'transport', 'locate', 'overload', 'transaction', 'dialog', 'user-agent'],
      ...['registrar', 'registration'],
    ].map((dir, i, all) => ({
      name: `sip-${dir}-looks-down-only`,
      severity: 'error',
      from: { path: `^server/src/sip/${dir}/`, pathNot: TEST },
      to: { path: `^server/src/sip/(${all.slice(i + 1).join('|') || '(?!)'})/` },
    })),
    {
      name: 'shared-is-pure',
      severity: 'error',
      from: { path: '^shared/src/', pathNot: TEST },
      to: { pathNot: '^shared/|node_modules/zod/' },
    },
    { name: 'client-knows-shared-only', severity: 'error', from: { path: '^client/' }, to: { path: '^(server|e2e)/' } },
    {
      name: 'sdk-knows-no-app',
      severity: 'error',
      from: { path: '^client/src/sdk/' },
      to: { path: '^client/src/app/|node_modules/react' },
    },
    {
      name: 'server-knows-shared-only',
      severity: 'error',
      from: { path: '^server/' },
      to: { path: '^(client|e2e|examples)/' },
    },
    { name: 'e2e-is-black-box', severity: 'error', from: { path: '^e2e/' }, to: { path: '^server/' } },
    {
      name: 'product-code-free-of-tests',
      severity: 'error',
      from: { path: '^(server|client|shared)/src/', pathNot: TEST },
      to: { path: TEST },
    },
    {
      name: 'no-dev-deps-in-src',
      severity: 'error',
      from: { path: '^(server|shared)/src/', pathNot: TEST },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
