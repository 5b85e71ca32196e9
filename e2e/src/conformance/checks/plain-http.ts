import { readPosition, serverFrameSchema } from '@hookswitch/shared';
import { z } from 'zod';
import { check, must, mustEqual } from '../suite.ts';
import type { Check, CheckContext } from '../suite.ts';

const eventFrame = serverFrameSchema.options.find((option) => option.shape.type.value === 'event') ?? z.never();
const pollSchema = z.object({ events: z.array(eventFrame), position: z.string(), recovered: z.boolean() });
const problemSchema = z.object({ name: z.string(), code: z.number() });

type Query = Readonly<Record<string, string>>;

function address({ http }: CheckContext, path: string, query: Query): string {
  return `${http}/v1/hub/${path}?${new URLSearchParams(query)}`;
}

async function poll(context: CheckContext, query: Query): Promise<z.infer<typeof pollSchema>> {
  const headers = { authorization: `Bearer ${context.token}` };
  const response = await fetch(address(context, 'poll', { topic: context.topic, ...query }), { headers });
  const text = await response.text();
  must(response.status === 200, `status ${response.status}: ${text.slice(0, 200)}`);
  return pollSchema.parse(JSON.parse(text));
}

interface Message {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** Reads the first `count` messages of an event stream, comments left out. */
async function stream(context: CheckContext, query: Query, headers: Query, count: number): Promise<Message[]> {
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort(new Error(`fewer than ${count} messages in 5 s`));
  }, 5000);
  const messages: Message[] = [];
  try {
    const all = { topic: context.topic, access_token: context.token, ...query };
    const response = await fetch(address(context, 'events', all), { headers, signal: abort.signal });
    must(response.status === 200, `status ${response.status}`);
    mustEqual(response.headers.get('content-type')?.split(';')[0], 'text/event-stream', 'content type');
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString('utf8');
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) messages.push(...messageOf(block));
      if (messages.length >= count) break;
    }
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  return messages;
}

function messageOf(block: string): Message[] {
  const fields: Record<string, string> = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  const { event = 'message', id, data } = fields as { event?: string; id?: string; data?: string };
  return data === undefined ? [] : [{ event, id, data: JSON.parse(data) }];
}

const dataOf = (message: Message | undefined): unknown =>
  (message?.data as { event?: { data?: unknown } } | undefined)?.event?.data;

async function publish({ connect, topic }: CheckContext, ...data: unknown[]): Promise<void> {
  const peer = await connect();
  for (const each of data) await peer.askFor('published', { type: 'publish', topic, data: each });
}

/** The HTTP part is the same whatever the transport beside it: checked with one of them. */
const httpCheck = (each: Omit<Check, 'only'>): Check => check({ ...each, only: 'native' });

export const plainHttp: readonly Check[] = [
  httpCheck({
    section: '10',
    what: 'refusals are problem documents with the name and code of their error',
    needsNoTopic: true,
    run: async (context) => {
      const cases: (readonly [number, string, Query])[] = [
        [401, 'tokenInvalid', { topic: 'app.x', access_token: 'garbage' }],
        [400, 'badTopic', { topic: 'app..x', access_token: context.token }],
        [400, 'badTopic', { access_token: context.token }],
        [400, 'badFrame', { topic: context.topic, rewind: 'many', access_token: context.token }],
      ];
      if (!context.facts.mayRead('cluster.>')) {
        cases.push([403, 'notPermitted', { topic: 'cluster.>', access_token: context.token }]);
      }
      for (const path of ['poll', 'events']) {
        for (const [status, name, query] of cases) {
          const response = await fetch(address(context, path, query));
          const what = `${path} with ${JSON.stringify({ ...query, access_token: '..' })}`;
          const body = problemSchema.safeParse(await response.json().catch(() => undefined));
          mustEqual([response.status, body.data?.name], [status, name], what);
        }
      }
    },
  }),
  httpCheck({
    section: '10.1',
    what: 'an event stream begins with `subscribed`; events have their frame as data and their position as id',
    run: async (context) => {
      const reading = stream(context, { rewind: '2' }, {}, 3);
      await publish(context, 'one', 'two');
      const messages = (await reading).length < 3 ? await stream(context, { rewind: '2' }, {}, 3) : await reading;
      mustEqual(
        messages.map(({ event }) => event),
        ['subscribed', 'message', 'message'],
        'messages',
      );
      mustEqual([dataOf(messages[1]), dataOf(messages[2])], ['one', 'two'], 'data');
      for (const { id } of messages) must(id !== undefined && readPosition(id) !== undefined, `id ${String(id)}`);
    },
  }),
  httpCheck({
    section: '10.1',
    what: '`Last-Event-ID` resumes: every event after it, once, in order; it goes before the parameter',
    run: async (context) => {
      await publish(context, 0, 1, 2, 3);
      const [, first] = await stream(context, { rewind: '4' }, {}, 2);
      const id = first?.id ?? '';
      const byHeader = await stream(context, { last_event_id: 'another:1' }, { 'last-event-id': id }, 4);
      const byParameter = await stream(context, { last_event_id: id }, {}, 4);
      for (const messages of [byHeader, byParameter]) {
        mustEqual((messages[0]?.data as { recovered?: unknown }).recovered, true, 'recovered');
        mustEqual(messages.slice(1, 4).map(dataOf), [1, 2, 3], 'events');
      }
      const [lost] = await stream(context, {}, { 'last-event-id': 'of-another-stream:7' }, 1);
      mustEqual((lost?.data as { recovered?: unknown }).recovered, false, 'recovered of a foreign position');
    },
  }),
  httpCheck({
    section: '10',
    what: 'pages of any origin may ask',
    needsNoTopic: true,
    run: async (context) => {
      for (const path of ['poll', 'events']) {
        const response = await fetch(address(context, path, {}), { method: 'OPTIONS' });
        mustEqual(response.headers.get('access-control-allow-origin'), '*', `${path}: access-control-allow-origin`);
      }
    },
  }),
  httpCheck({
    section: '10.2',
    what: 'polls give every event once over a chain of positions, whatever their limit',
    run: async (context) => {
      let { position } = await poll(context, { timeout: '0' });
      await publish(context, 0, 1, 2, 3, 4);
      const seen: unknown[] = [];
      for (let turn = 0; turn < 10 && seen.length < 5; turn++) {
        const answer = await poll(context, { after: position, limit: '2', timeout: '5' });
        must(answer.recovered, 'recovered is false');
        must(answer.events.length <= 2, `${answer.events.length} events, the limit is 2`);
        seen.push(...answer.events.map((frame) => (frame as { event: { data?: unknown } }).event.data));
        ({ position } = answer);
      }
      mustEqual(seen, [0, 1, 2, 3, 4], 'events');
      mustEqual((await poll(context, { after: position, timeout: '0' })).events.length, 0, 'events after the last');
    },
  }),
  httpCheck({
    section: '10.2',
    what: 'a poll waits for an event; without one it answers when its time is up',
    run: async (context) => {
      const { position } = await poll(context, { timeout: '0' });
      const from = performance.now();
      mustEqual((await poll(context, { after: position, timeout: '1' })).events.length, 0, 'events');
      must(performance.now() - from > 800, 'it did not wait');
      const waiting = poll(context, { after: position, timeout: '10' });
      await publish(context, 'now');
      mustEqual((await waiting).events.length, 1, 'events');
    },
  }),
  httpCheck({
    section: '10.2',
    what: 'a position that cannot be honoured is told at once, with the one to go on from',
    run: async (context) => {
      const answer = await poll(context, { after: 'of-another-stream:7', timeout: '10' });
      mustEqual([answer.recovered, answer.events.length], [false, 0], 'recovered and events');
      must(readPosition(answer.position) !== undefined, `position ${answer.position}`);
    },
  }),
];
