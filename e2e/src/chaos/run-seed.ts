import { checkHistory } from './check/index.ts';
import type { Violation } from './check/index.ts';
import type { Cluster } from './cluster.ts';
import { disturb } from './disturb.ts';
import type { Disturbance } from './disturb.ts';
import type { Entry } from './history.ts';
import { Stage, until } from './stage.ts';

export interface SeedResult {
  readonly seed: number;
  readonly disturbances: readonly Disturbance[];
  readonly violations: readonly Violation[];
  readonly entries: readonly Entry[];
  /** From the end of the faults until everybody had everything, milliseconds. */
  readonly caughtUpMs: number;
}

const DISTURBED_MS = 5000;
const PUBLISH_EVERY_MS = 10;
/** Everybody is back and has everything within this time after the last fault. */
const CATCH_UP_MS = 20_000;
/** Presence is exact again after a gateway died (13 s), and told. */
const PRESENCE_MS = 20_000;

/** Six seeds take every kind once, over churning clients; every third round of six mixes two kinds. */
export function disturbancesOf(seed: number): Disturbance[] {
  const kinds: readonly Disturbance[] = ['gateways', 'nats', 'stream', 'rights', 'clock', 'slow'];
  const [index, round] = [(seed - 1) % kinds.length, Math.floor((seed - 1) / kinds.length)];
  const main = kinds[index] ?? 'churn';
  // What is measured there needs an otherwise quiet system.
  if (main === 'slow') return [main];
  const second = kinds[(index + 1 + (round % 3)) % (kinds.length - 1)] ?? 'churn';
  return [...new Set<Disturbance>(['churn', main, ...(round % 3 === 2 ? [second] : [])])];
}

/** One run: load, faults, healing, catching up; then the history is checked. */
export async function runSeed(
  cluster: Cluster,
  options: { readonly seed: number; readonly file?: string },
): Promise<SeedResult> {
  const stage = new Stage(cluster, options);
  const disturbances = disturbancesOf(options.seed);
  try {
    await stage.open();
    stage.publishEvery(PUBLISH_EVERY_MS);
    await Promise.all(disturbances.map((what) => disturb(what, stage, DISTURBED_MS)));
    // One that was away for too long has ended by itself.
    for (const gateway of cluster.gateways) if (!gateway.up) await gateway.startAgain();
    const healed = performance.now();
    await catchUp(stage);
    const caughtUpMs = Math.round(performance.now() - healed);
    await lookBack(stage);
    stage.noteCanaries();
    const { entries } = stage.history;
    return { seed: options.seed, disturbances, violations: checkHistory(entries), entries, caughtUpMs };
  } finally {
    await stage.close();
  }
}

async function catchUp(stage: Stage): Promise<void> {
  stage.quiet();
  for (const topic of stage.topics) stage.publishers[0]?.publish(topic);
  // What does not happen in time is found in the history.
  await until('all is acknowledged', CATCH_UP_MS, () => stage.publishers.every(({ open }) => open === 0)).catch(ignore);
  await until('all clients have everything', CATCH_UP_MS, () => isCaughtUp(stage)).catch(ignore);
}

function isCaughtUp(stage: Stage): boolean {
  const topics = [...stage.topics, `${stage.prefix}.bulk.x`];
  return stage.actors.every(
    ({ session }) =>
      session.over ||
      topics.every((topic) => {
        const latest = stage.latest(topic);
        return latest === undefined || session.has(topic, latest);
      }),
  );
}

/** A client that reads the past, and the members of the room. */
async function lookBack(stage: Stage): Promise<void> {
  const auditor = await stage.add('auditor', { patterns: [`${stage.prefix}.>`], rewind: 1000 });
  await stage.add('presence', { patterns: [`presence.${stage.prefix}.>`], rewind: 1000 });
  await until('the past is read', CATCH_UP_MS, () => isCaughtUp(stage)).catch(ignore);
  await presence(stage, auditor.session);
  for (const { session } of stage.actors) {
    if (!session.over) stage.history.add({ kind: 'end', session: session.name, patterns: session.patterns });
  }
}

async function presence(stage: Stage, asking: Stage['actors'][number]['session']): Promise<void> {
  const { room, history } = stage;
  const deadline = performance.now() + PRESENCE_MS;
  for (;;) {
    const present = stage.actors.flatMap(({ session }) =>
      session.patterns.includes(room) ? (session.connection ?? []) : [],
    );
    const answer = await asking.ask({ type: 'presence', topic: room, limit: 1000 }).catch(ignore);
    const members = (answer?.['members'] ?? []) as readonly { readonly connection: string }[];
    const listed = members.map(({ connection }) => connection);
    const entry = { kind: 'presence', topic: room, listed, present } as const;
    const exact = checkHistory([...history.entries, { at: history.now(), ...entry }]).every(
      ({ promise }) => promise !== 5,
    );
    if (exact || performance.now() > deadline) {
      history.add(entry);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const ignore = (): undefined => undefined;
