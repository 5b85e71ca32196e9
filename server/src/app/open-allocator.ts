import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALLOCATOR_POLICY, Allocator, RoleAnalyst, roleLoad } from '../cluster/allocator/index.ts';
import type { QueueFacts } from '../cluster/allocator/index.ts';
import { CapacityAnalyst } from '../cluster/capacity/index.ts';
import type { CapacityDecision, CapacityStore } from '../cluster/capacity/index.ts';
import { NatsCapacityStore } from '../cluster/capacity/capacity-store.nats.ts';
import type { Provisioner } from '../cluster/provisioners/index.ts';
import { CommandProvisioner } from '../cluster/provisioners/command.child.ts';
import { KubernetesProvisioner } from '../cluster/provisioners/kubernetes.undici.ts';
import { LocalProcesses } from '../cluster/provisioners/local-processes.child.ts';
import { WebhookProvisioner } from '../cluster/provisioners/webhook.undici.ts';
import { masterKeyFile } from '../tenants/index.ts';
import { LoadBoard } from '../cluster/placement/index.ts';
import type { Config, NodeRange, Role } from './config.ts';
import { ConfigError } from './config-options.ts';
import type { NodeLoadParts } from './open-node-load.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';
import { readRunState } from './run-state.ts';

export interface AllocatorParts {
  /** History of the load, and what was decided lately, wherever in the cluster it was. */
  readonly store: Pick<CapacityStore, 'days' | 'decisions'>;
}

interface Needs {
  readonly bus: BusParts;
  readonly load: NodeLoadParts;
  /** Of PostgreSQL, for nodes of this machine. */
  readonly databaseUrl: string;
  readonly queue: () => QueueFacts;
}

const ROLE = 'call';
/** Roles whose nodes do that alone, and what they have many of. */
const SINGLE_ROLES = { gateway: 'connections', media: 'conversions' } as const;
type SingleRole = keyof typeof SINGLE_ROLES;
/** Members that act by what they decide offer this; others only look on, and while there is one they do not even that. */
const ACTING = `allocator-${ROLE}`;

/** Decides how many call nodes there should be, and has them made and taken away where that is configured. */
export async function openAllocator(platform: Platform, needs: Needs): Promise<AllocatorParts> {
  const { startup, clock, log, config, metrics, node } = platform;
  const { bus, load } = needs;
  const { cluster } = bus;
  const { mode, nodes, coolDownMs } = config.allocator;
  const store = await startup.step('capacity history', () => NatsCapacityStore.open(bus.bus));
  if (mode === 'off') return { store };
  const provisioner = await openProvisioner(platform, needs, ROLE);
  let last: CapacityDecision | undefined;
  const gauge = (read: (decision: CapacityDecision) => number) => () =>
    last === undefined ? [] : [[{}, read(last)] as const];
  metrics.gauge(
    'hookswitch_cluster_nodes_wanted',
    'Call nodes that there should be; only where it is decided',
    [],
    gauge(({ wanted }) => wanted),
  );
  metrics.gauge(
    'hookswitch_cluster_load_erlangs',
    'Legs of calls in the cluster; only where it is decided',
    [],
    gauge((decision) => decision.load),
  );
  metrics.gauge(
    'hookswitch_cluster_expected_erlangs',
    'Load that nodes are provided for; only where it is decided',
    [],
    gauge(({ expected }) => expected),
  );
  const others = (): boolean => cluster.members().some((each) => each.node !== node && each.tasks.includes(ACTING));
  const allocator = new Allocator({
    role: ROLE,
    name: provisioner === undefined ? `capacity-${ROLE}` : ACTING,
    policy: { ...ALLOCATOR_POLICY, ...nodes, coolDownMs },
    ...{ cluster, provisioner, clock, log, queue: needs.queue },
    nodes: () => load.placement.board.nodes(),
    idle: () => provisioner === undefined && others(),
    openAnalyst: () => CapacityAnalyst.open({ store, log, policy: config.allocator.policy }),
    onDecision: (decision) => {
      last = decision;
    },
  });
  const stop = await startup.step(
    'allocator',
    () => cluster.singleDoer.offer(allocator.task),
    (opened) => opened(),
  );
  load.drain.with(async () => {
    last = undefined;
    await stop();
  });
  if (provisioner !== undefined) {
    for (const role of ['gateway', 'media'] as const) {
      const range = config.allocator.roles[role];
      if (range !== undefined) await openRoleAllocator(platform, needs, { role, range });
    }
  }
  return { store };
}

/** The same for nodes of a role that is not `call`: by what they say of themselves, as it is now. */
async function openRoleAllocator(
  platform: Platform,
  needs: Needs,
  { role, range }: { readonly role: SingleRole; readonly range: NodeRange },
): Promise<void> {
  const { startup, clock, log, config } = platform;
  const { cluster } = needs.bus;
  const { coolDownMs, policy } = config.allocator;
  const serves = ({ roles }: { readonly roles: readonly string[] }): boolean => roles.length === 1 && roles[0] === role;
  const board = new LoadBoard({ cluster, clock, serves });
  startup.scope.defer(
    needs.load.reports.onReport((load) => {
      board.heard(load);
    }),
  );
  const provisioner = await openProvisioner(platform, needs, role);
  const { everyMs } = policy;
  const allocator = new Allocator({
    role,
    policy: { ...ALLOCATOR_POLICY, ...range, coolDownMs },
    ...{ cluster, provisioner, clock, log, serves, loadOf: roleLoad, fromNone: true },
    nodes: () => board.nodes(),
    queue: () => ({ waiting: 0, scheduled: [] }),
    openAnalyst: () => Promise.resolve(new RoleAnalyst({ role, unit: SINGLE_ROLES[role], everyMs, log })),
  });
  const stop = await startup.step(
    `allocator of ${role} nodes`,
    () => cluster.singleDoer.offer(allocator.task),
    (opened) => opened(),
  );
  needs.load.drain.with(() => stop());
}

/** Undefined: nobody makes nodes, decisions are only kept. */
async function openProvisioner(platform: Platform, needs: Needs, role: Role): Promise<Provisioner | undefined> {
  const provisioner = makeProvisioner(platform, needs, role);
  if (provisioner === undefined) return undefined;
  if (provisioner.finish !== undefined)
    needs.load.drain.with((deadlineMs) => provisioner.finish?.(deadlineMs) ?? Promise.resolve());
  return await platform.startup.step(
    `provisioner of ${role} nodes`,
    () => provisioner,
    (opened) => opened.close(),
  );
}

function makeProvisioner(platform: Platform, needs: Needs, role: Role): Provisioner | undefined {
  const { mode, target, nodes, roles } = platform.config.allocator;
  switch (mode) {
    case 'off':
    case 'observe':
      return undefined;
    case 'local':
      return localProcesses(platform, needs, role);
    case 'command':
      return new CommandProvisioner({ command: target, role });
    case 'webhook':
      return new WebhookProvisioner({ url: target, role, token: platform.env['HOOKSWITCH_ALLOCATOR_TOKEN'] });
    case 'kubernetes':
      return kubernetes(platform.env, {
        target: role === ROLE ? target : `${target}-${role}`,
        most: (role === ROLE ? nodes : roles[role])?.max ?? 0,
      });
  }
}

function localProcesses(
  { config, clock, log, env }: Platform,
  { bus, load, databaseUrl }: Needs,
  role: Role,
): Provisioner {
  const masterKey = env['HOOKSWITCH_MASTER_KEY'] ?? readFileSync(masterKeyFile(config.dataDir), 'utf8').trim();
  const program = join(config.repository, 'server/src/main.ts');
  return new LocalProcesses({
    command: [process.execPath, program, 'start', ...nodeOptions(config, role)],
    env: { ...env, NATS_URL: bus.url, DATABASE_URL: databaseUrl, HOOKSWITCH_MASTER_KEY: masterKey },
    directory: join(config.dataDir, 'nodes', role),
    drain: async (node, deadlineMs) => {
      await load.drainNode(node, deadlineMs);
    },
    nodeOf: (dataDir) => readRunState(dataDir)?.node,
    ready: /Hookswitch is ready/,
    ...{ clock, log },
  });
}

/** As this process, on free ports, without what there is once. */
function nodeOptions(config: Config, role: Role): string[] {
  const { http, sip, publicAddress, callCapacity, drainMs } = config;
  return [
    ...[
      '--roles',
      role === ROLE ? 'gateway,call' : role,
      '--allocator',
      'off',
      '--no-demo',
      '--log-json',
      '--log-level',
      config.log.level,
    ],
    ...['--host', http.host, '--port', '0', '--sip-host', sip.addresses.join(','), '--sip-port', '0'],
    ...(publicAddress === undefined ? [] : ['--public-address', publicAddress]),
    ...['--call-capacity', String(callCapacity), '--drain-seconds', String(Math.round(drainMs / 1000))],
  ];
}

/** From inside of a pod: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
function kubernetes(
  env: Platform['env'],
  { target, most }: { readonly target: string; readonly most: number },
): Provisioner {
  const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === undefined) {
    throw new ConfigError('bad-option', '--allocator kubernetes: works in a pod, where KUBERNETES_SERVICE_HOST is set');
  }
  const [namespace = '', deployment = ''] = target.split('/');
  return new KubernetesProvisioner({
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    authority: readFileSync(join(folder, 'ca.crt'), 'utf8'),
    token: () => readFileSync(join(folder, 'token'), 'utf8').trim(),
    ...{ namespace, deployment, most },
  });
}
