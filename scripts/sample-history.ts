import { Bus } from '../server/src/bus/index.ts';
import { NatsCapacityStore } from '../server/src/cluster/capacity/capacity-store.nats.ts';
import { silentLog, systemClock, systemRandom } from '../server/src/kernel/index.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const DAYS = 15;
export const CHANNELS_A_NODE = 36;

/** The picture is taken at this time of the story: a Wednesday in the early morning, when one node is enough. */
const STORY_NOW = Date.UTC(2026, 0, 14, 5, 20);

/** Load of working days and weekends, with a lunch break and some noise. Erlangs. @param at time of the story */
function loadAt(at: number): number {
  const hour = (at % DAY_MS) / 3_600_000;
  const isWeekend = [0, 6].includes(new Date(at).getUTCDay());
  const hump = (middle: number, width: number): number => Math.exp(-(((hour - middle) / width) ** 2));
  const day = 78 * hump(10.5, 2.4) + 66 * hump(15.6, 2.2);
  const noise = 0.06 * day * (Math.sin(at / 4.1e5) + Math.sin(at / 1.3e5) + Math.sin(at / 7.7e6));
  return Math.max(0, 2 + (isWeekend ? 0.3 : 1) * day + noise);
}

/** Gives a server two weeks of load and the decisions of a day, for pictures. @param natsUrl of its NATS */
export async function seedHistory(natsUrl: string): Promise<void> {
  const now = systemClock.now();
  const bus = await Bus.connect({
    url: natsUrl,
    name: 'screenshots',
    log: silentLog,
    clock: systemClock,
    random: systemRandom,
  });
  try {
    const store = await NatsCapacityStore.open(bus);
    const today = Math.floor(now / DAY_MS) * DAY_MS;
    for (let day = today - DAYS * DAY_MS; day <= today; day += DAY_MS) {
      const minutes = Math.min(1440, Math.floor((now - day) / MINUTE_MS));
      const loads = Array.from({ length: minutes }, (_, minute) => loadAt(STORY_NOW + day + minute * MINUTE_MS - now));
      await store.saveDay({ day, everyMs: MINUTE_MS, loads });
    }
    await seedDecisions(store, now);
  } finally {
    await bus.close();
  }
}

async function seedDecisions(store: NatsCapacityStore, now: number): Promise<void> {
  const wantedAt = (ago: number): number => {
    const ahead = [0, 10, 20, 30].map((minutes) => loadAt(STORY_NOW - ago + minutes * MINUTE_MS));
    return Math.max(1, Math.ceil((1.1 * Math.max(...ahead) + 8) / CHANNELS_A_NODE));
  };
  let [nodes, slot] = [wantedAt(DAY_MS), 100];
  const save = async (at: number, target: number): Promise<void> => {
    const expected = target * CHANNELS_A_NODE - 12;
    const load = Math.round(loadAt(STORY_NOW + at - now));
    await store.saveDecision(slot++, {
      ...{ at, action: target > nodes ? 'expand' : target < nodes ? 'contract' : 'hold', nodes, wanted: target, load },
      ...{ expected, error: 4.5, expectedAt: at + 20 * MINUTE_MS, channels: expected + 10, wouldWait: 0.002 },
      reasons: [
        `${expected} Erlangs are provided for in 20 min; at most 0.5 % of calls refused needs ${expected + 10} channels, ${target} nodes of ${CHANNELS_A_NODE}`,
        `forecast ${expected - 7} ± 4.5 (1 σ; 1.65 are provided for), ${load} in use now`,
      ],
    });
  };
  await save(now - DAY_MS - MINUTE_MS, nodes);
  for (let ago = DAY_MS; ago > 10 * MINUTE_MS; ago -= 10 * MINUTE_MS) {
    // Fewer only when they would have done for half an hour.
    const lately = Math.max(...[0, 10, 20, 30].map((minutes) => wantedAt(ago + minutes * MINUTE_MS)));
    const target = wantedAt(ago) > nodes ? wantedAt(ago) : Math.min(nodes, lately);
    if (target === nodes) continue;
    await save(now - ago, target);
    nodes = target;
    await save(now - ago + MINUTE_MS, nodes);
  }
}
