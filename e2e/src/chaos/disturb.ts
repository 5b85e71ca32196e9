import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './history.ts';
import type { SeededRandom } from './random.ts';
import type { Actor, Stage } from './stage.ts';

/** What is done to the system while events flow. Each returns when it has put everything back. */
export type Disturbance = 'churn' | 'gateways' | 'nats' | 'stream' | 'rights' | 'clock' | 'slow';

export async function disturb(what: Disturbance, stage: Stage, durationMs: number): Promise<void> {
  await DOING[what](stage, stage.random.fork(), performance.now() + durationMs);
}

const DOING: Readonly<Record<Disturbance, (stage: Stage, random: SeededRandom, end: number) => Promise<void>>> = {
  churn,
  gateways,
  nats,
  stream,
  rights,
  clock,
  slow,
};

/** Reconnects, resubscribes and bad networks, every 10 to 500 ms. */
async function churn(stage: Stage, random: SeededRandom, end: number): Promise<void> {
  const ordinary = stage.actors.filter(({ session }) => /^s\d+$/.test(session.name));
  while (performance.now() < end) {
    await sleep(random.between(10, 500));
    const actor = random.pick(ordinary);
    const what = random.between(0, 7);
    if (what <= 1)
      drop(stage, actor, () => {
        actor.session.drop();
      });
    else if (what === 2)
      drop(stage, actor, () => {
        actor.link.reset();
      });
    else if (what === 3)
      drop(stage, actor, () => {
        actor.link.halfClose();
      });
    else if (what === 4) resubscribe(stage, actor, random);
    else disturbLink(stage, actor, random);
  }
  for (const { link } of ordinary) link.behave({});
}

function drop(stage: Stage, { session }: Actor, act: () => void): void {
  note(stage, 'client.dropped', session.name);
  act();
}

function resubscribe(stage: Stage, { session }: Actor, random: SeededRandom): void {
  // Leaving and joining the room again would be a second membership of one connection.
  const pattern = random.pick(session.patterns.filter((one) => one !== stage.room));
  note(stage, 'client.resubscribed', session.name);
  session.resubscribe(pattern);
}

function disturbLink(stage: Stage, { session, link }: Actor, random: SeededRandom): void {
  note(stage, 'link.disturbed', session.name);
  link.behave(
    random.pick([
      {},
      { latencyMs: random.between(5, 100) },
      { slices: true },
      { bandwidth: random.between(5, 100) * 1000 },
    ]),
  );
}

/** SIGSTOP and SIGCONT, SIGKILL and a new start; clients resume at the others. */
async function gateways(stage: Stage, random: SeededRandom, end: number): Promise<void> {
  let kill = random.chance(0.5);
  while (performance.now() < end) {
    await sleep(random.between(200, 800));
    const gateway = random.pick(stage.cluster.gateways);
    const at = stage.history.now();
    const target = String(stage.cluster.gateways.indexOf(gateway));
    if (kill) {
      note(stage, 'gateway.killed', target);
      await gateway.kill();
      await sleep(random.between(100, 1000));
      await gateway.startAgain();
    } else {
      gateway.pause();
      await sleep(random.between(300, 2500));
      gateway.resume();
      stage.history.add({ kind: 'fault', what: 'gateway.paused', target, until: stage.history.now() }, at);
    }
    kill = !kill;
  }
}

async function nats(stage: Stage, random: SeededRandom, end: number): Promise<void> {
  let kill = random.chance(0.5);
  while (performance.now() < end) {
    await sleep(random.between(300, 1200));
    const at = stage.history.now();
    if (kill) await stage.cluster.nats.kill();
    else stage.cluster.nats.pause();
    await sleep(random.between(50, 1500));
    if (kill) await stage.cluster.nats.startAgain();
    else stage.cluster.nats.resume();
    const what = kill ? 'nats.killed' : 'nats.paused';
    stage.history.add({ kind: 'fault', what, until: stage.history.now() }, at);
    kill = !kill;
  }
}

/** The time of a gateway's machine is set. Nobody's rights end by as little. */
async function clock(stage: Stage, random: SeededRandom, end: number): Promise<void> {
  while (performance.now() < end) {
    await sleep(random.between(200, 800));
    const gateway = random.pick(stage.cluster.gateways);
    note(stage, 'gateway.clock-stepped', String(stage.cluster.gateways.indexOf(gateway)));
    gateway.stepClock();
  }
  for (const gateway of stage.cluster.gateways) gateway.rightClock();
}

/** Retention that overtakes readers who are away, and a stream that is made anew. */
async function stream(stage: Stage, random: SeededRandom, end: number): Promise<void> {
  const { account } = stage.cluster.credentials;
  const ordinary = stage.actors.filter(({ session }) => /^s\d+$/.test(session.name));
  let recreate = random.chance(0.5);
  while (performance.now() < end) {
    await sleep(random.between(200, 800));
    const gone = ordinary.filter(() => random.chance(0.4));
    for (const actor of gone) {
      actor.away = true;
      drop(stage, actor, () => {
        actor.session.drop();
      });
    }
    await sleep(random.between(200, 1000));
    note(stage, recreate ? 'stream.recreated' : 'stream.purged');
    if (recreate) await stage.cluster.nats.recreateStream(account);
    else await stage.cluster.nats.purgeStream(account, random.between(1, 20));
    for (const actor of gone) actor.away = false;
    recreate = !recreate;
  }
}

/** One token is revoked, one expires, one is replaced by a narrower one. */
async function rights(stage: Stage, random: SeededRandom, end: number): Promise<void> {
  const [a = '', b = ''] = stage.topics;
  const all = `${stage.prefix}.>`;
  const jti = stage.prefix;
  const tokens: Record<string, string | undefined> = {
    revoked: stage.token({ identity: 'revoked', jti }),
    expired: stage.token({ identity: 'expired', ttl: 3 }),
    narrowed: stage.token({ identity: 'narrowed' }),
  };
  const expiresIn = Math.floor(Date.now() / 1000) * 1000 + 3000 - Date.now();
  const expired = sleep(expiresIn).then(() => {
    tokens['expired'] = undefined;
    stage.history.add({ kind: 'ended-rights', session: 'expired', why: 'expired', patterns: [all] });
  });
  const token = (name: string) => () => tokens[name];
  await stage.add('revoked', { kind: 'socketio', patterns: [all], token: token('revoked') });
  await stage.add('expired', { patterns: [all], token: token('expired') });
  const { session } = await stage.add('narrowed', { patterns: [a, b], token: token('narrowed') });
  await sleep(random.between(800, 1500));

  tokens['narrowed'] = stage.token({ identity: 'narrowed', subscribe: [a] });
  const answer = await session.ask({ type: 'refresh', token: tokens['narrowed'] }).catch(() => undefined);
  if (answer?.type !== 'refreshed') session.drop();
  stage.history.add({ kind: 'ended-rights', session: 'narrowed', why: 'narrowed', patterns: [b] });
  session.forget(b);

  await stage.cluster.revoke(jti);
  tokens['revoked'] = undefined;
  stage.history.add({ kind: 'ended-rights', session: 'revoked', why: 'revoked', patterns: [all] });
  await expired;
  // What must not come has to have the time to come.
  await sleep(Math.max(2500, end - performance.now()));
}

/** A megabyte or two a second, so that the clients of this process can keep up; 12 MB in all. */
const BULK_EVENTS = 400;
const BULK_BYTES = 30_000;
const BULK_EVERY_MS = 12;
/** The same without slow clients, to compare with. */
const CONTROL_EVENTS = 150;
/** Per slow client: what may wait for it (1 MiB) and what may be on its way (512 KiB), with room for objects. */
const SLOW_CLIENT_BYTES = 2 * 2 ** 20;
/** What a gateway's memory may move by itself. */
const MEMORY_NOISE_BYTES = 96 * 2 ** 20;

/** Clients that stop reading while megabytes are published; some are given up by themselves, some come back in time. */
async function slow(stage: Stage, random: SeededRandom): Promise<void> {
  const topic = `${stage.prefix}.bulk.x`;
  const held: Actor[] = [];
  for (let index = 0; index < 6; index++) {
    const kind = index % 2 === 0 ? 'native' : 'socketio';
    held.push(await stage.add(`slow${index}`, { kind, patterns: [topic] }));
  }
  await sleep(500);
  const bulk = async (events: number): Promise<void> => {
    for (let sent = 0; sent < events; sent++) {
      random.pick(stage.publishers).publish(topic, BULK_BYTES);
      await sleep(BULK_EVERY_MS);
    }
  };
  const from = stage.history.now();
  await bulk(CONTROL_EVENTS);
  stage.history.add({ kind: 'control', from, until: stage.history.now() });
  await sleep(1000);
  const before = await Promise.all(stage.cluster.gateways.map((gateway) => gateway.residentBytes()));
  for (const { session, link } of held) {
    note(stage, 'client.held', session.name);
    link.hold();
  }
  await bulk(BULK_EVENTS / 2);
  for (const { link } of held.slice(3)) link.release();
  await bulk(BULK_EVENTS / 2);
  await sleep(500);
  const allowedBytes = held.length * SLOW_CLIENT_BYTES + MEMORY_NOISE_BYTES;
  for (const [index, gateway] of stage.cluster.gateways.entries()) {
    const grownBytes = (await gateway.residentBytes()) - (before[index] ?? 0);
    stage.history.add({ kind: 'memory', process: `gateway ${index}`, grownBytes, allowedBytes });
  }
  await sleep(4500);
  for (const { link } of held) link.release();
}

function note(stage: Stage, what: Fault, target?: string): void {
  stage.history.add({ kind: 'fault', what, ...(target === undefined ? {} : { target }) });
}
