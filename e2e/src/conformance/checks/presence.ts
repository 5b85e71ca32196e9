import type { Peer } from '../peer.ts';
import { check, must, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';
import type { TokenFacts } from '../target.ts';

const needsPresence = ({ base, mayBePresent }: TokenFacts): string | undefined =>
  mayBePresent(`${base ?? 'app'}.x`) ? undefined : 'the token does not grant hub.presence';
const needsJoins = (facts: TokenFacts): string | undefined =>
  needsPresence(facts) ??
  (facts.mayRead(`presence.${facts.base ?? 'app'}.x.*`)
    ? undefined
    : 'the token does not grant subscribing to presence.<topic>.*');

const EVENTUALLY_MS = 5000;

/** A membership is listed some moments after it began. */
async function listed(peer: Peer, topic: string, count: number): Promise<readonly { readonly connection: string }[]> {
  const deadline = performance.now() + EVENTUALLY_MS;
  for (;;) {
    const { members, occupancy } = await peer.askFor('presence', { type: 'presence', topic });
    if (occupancy === count && members.length === count) return members;
    must(performance.now() < deadline, `${occupancy} members are listed, not ${count}`);
  }
}

export const presence: readonly Check[] = [
  check({
    section: '5.8',
    what: 'who subscribes with `presence` is listed with its info, once, until it leaves',
    unless: needsPresence,
    run: async ({ connect, topic, facts }) => {
      const [here, other] = [await connect(), await connect()];
      await here.askFor('subscribed', { type: 'subscribe', topic, presence: { info: { mood: 'fine' } } });
      await other.askFor('subscribed', { type: 'subscribe', topic, presence: true });
      await listed(here, topic, 2);
      const { members } = await here.askFor('presence', { type: 'presence', topic });
      const withInfo = members.filter(({ info }) => info?.['mood'] === 'fine');
      mustEqual([members.length, withInfo.length], [2, 1], 'members, and those with info');
      mustEqual(withInfo[0]?.identity, facts.identity, 'identity');
      await here.askFor('unsubscribed', { type: 'unsubscribe', topic });
      await listed(here, topic, 1);
      await other.close();
      await listed(here, topic, 0);
    },
  }),
  check({
    section: '5.8',
    what: 'pages are asked for with `after`',
    unless: needsPresence,
    run: async ({ connect, topic }) => {
      const peers = [await connect(), await connect(), await connect()];
      for (const peer of peers) await peer.askFor('subscribed', { type: 'subscribe', topic, presence: true });
      const [asker] = peers as [Peer];
      await listed(asker, topic, 3);
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await asker.askFor('presence', {
          type: 'presence',
          topic,
          limit: 2,
          ...(after === undefined ? {} : { after }),
        });
        mustEqual(page.occupancy, 3, 'occupancy');
        seen.push(...page.members.map(({ connection }) => connection));
        after = page.next;
      } while (after !== undefined);
      mustEqual([seen.length, new Set(seen).size], [3, 3], 'members over the pages');
    },
  }),
  check({
    section: '5.8',
    what: 'joining and leaving are one event each, with the occupancy after it',
    unless: needsJoins,
    run: async ({ connect, topic }) => {
      const [watcher, member] = [await connect(), await connect()];
      await watcher.askFor('subscribed', { type: 'subscribe', topic: `presence.${topic}.*` });
      await member.askFor('subscribed', { type: 'subscribe', topic, presence: true });
      await watcher.events(1);
      await member.close();
      const events = await watcher.events(2);
      mustEqual(
        events.map(({ topic: on, event }) => [on, event.type, (event.data as { occupancy: number }).occupancy]),
        [
          [`presence.${topic}.joined`, 'presence.joined', 1],
          [`presence.${topic}.left`, 'presence.left', 0],
        ],
        'events',
      );
    },
  }),
  check({
    section: '5.8',
    what: 'a member is on one topic: wildcards, and too much info, are refused',
    unless: needsPresence,
    run: async ({ connect, topic }) => {
      const peer = await connect();
      const wild = await peer.ask({ type: 'subscribe', topic: `${topic}.*`, presence: true });
      mustEqual(wild.type, 'error', 'answer');
      const info = { text: 'x'.repeat(2000) };
      await peer.refused('payloadTooLarge', { type: 'subscribe', topic, presence: { info } });
    },
  }),
  check({
    section: '5.8',
    what: 'members are not told to who may not know them',
    needsNoTopic: true,
    unless: ({ mayBePresent }) => (mayBePresent('app.x') ? 'the token grants presence everywhere' : undefined),
    run: async ({ connect, facts }) => {
      const topic = ['app.x', 'app.room', 'app.conformance'].find((one) => !facts.mayBePresent(one)) ?? 'app.x';
      await (await connect()).refused('notPermitted', { type: 'presence', topic });
    },
  }),
];
