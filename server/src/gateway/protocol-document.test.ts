import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  DISCONNECTS,
  clientFrameSchema,
  disconnectTable,
  errorTable,
  serverFrameSchema,
  topicsOf,
} from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import type { Hub } from '../hub/index.ts';
import { event, hubFixture, token } from '../hub/testing/fixtures.ts';
import { NodePresence } from '../hub/presence/index.ts';
import type { PresenceEvent } from '../hub/presence/index.ts';
import { MemoryPresenceCluster } from '../hub/presence/store.memory.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { SseClient, httpFixture } from './http/testing/http-fixture.ts';
import type { HttpFixture } from './http/testing/http-fixture.ts';
import type { MessageExtension } from './index.ts';
import { TRANSPORTS } from './testing/clients.ts';
import type { TestClient } from './testing/clients.ts';
import { SampleNames, samplesOf } from './testing/protocol-sample.ts';
import type { Sample, SampleLine } from './testing/protocol-sample.ts';

const TEXT = readFileSync(new URL('../../../docs/spec/hub-protocol.md', import.meta.url), 'utf8');
const SAMPLES = samplesOf(TEXT);

/** What the document says of its tokens. */
function tokenNamed(name: string): string {
  const [, identity = ''] = /^a token of (\w+)/.exec(name) ?? [];
  const ttlSeconds = name.endsWith('that lives 61 seconds') ? 61 : 3600;
  const only = / for (\S+) only$/.exec(name)?.[1];
  const subscribe = only === undefined ? ['app.>', 'calls.>', 'presence.>'] : [only];
  const hub = { subscribe, publish: ['app.>'], presence: ['app.>'] };
  return token(systemClock, { identity, ttlSeconds, hub });
}

/** The extension of section 7.1. */
const softphone: MessageExtension = {
  name: 'softphone',
  handle: (connection) => {
    queueMicrotask(() => {
      setImmediate(() => {
        connection.push({ type: 'answered', callSid: `CA${'b'.repeat(32)}` });
      });
    });
    return Promise.resolve({ result: { registration: 'r-1' } });
  },
  connectionClosed: () => undefined,
};

type Connect = (port: number) => Promise<TestClient>;

/** Plays one sample against a gateway of its own, line by line. */
class Player {
  readonly #fixture: HttpFixture;
  readonly #connect: Connect;
  readonly #names = new SampleNames(tokenNamed);
  readonly #clients = new Map<string, { readonly client: TestClient; read: number }>();
  #stream: { readonly sse: SseClient; fields: Record<string, string>; read: number } | undefined;
  #polled: unknown;

  constructor(fixture: HttpFixture, connect: Connect) {
    this.#fixture = fixture;
    this.#connect = connect;
  }

  async play({ lines }: Sample): Promise<void> {
    for (const line of lines) {
      try {
        await this.#line(line, lines);
      } catch (error) {
        throw new Error(`${line.text}\n${(error as Error).message}`, { cause: error });
      }
    }
  }

  async close(): Promise<void> {
    await this.#stream?.sse.close();
    for (const { client } of this.#clients.values()) await client.close();
  }

  async #line(line: SampleLine, all: readonly SampleLine[]): Promise<void> {
    const { party, kind, text } = line;
    if (kind === 'happens') await this.#happens(text);
    else if (kind === 'send' && text.startsWith('GET ')) await this.#get(party, this.#names.text(text.slice(4)));
    else if (party === 'sse') await this.#streamed(text);
    else if (party === 'poll') this.#mustBe(JSON.parse(text), this.#polled);
    else {
      const own = all.find((one) => one.party === party && one.kind === 'send');
      const client = await this.#client(party, own?.text.includes('"type":"connect"') === true);
      const frame: unknown = JSON.parse(text);
      if (kind === 'send') client.client.raw(this.#names.toSend(frame));
      else this.#mustBe(frame, await nextFrame(client));
    }
  }

  async #happens(what: string): Promise<void> {
    switch (what) {
      case 'the connection is lost': {
        const { client } = await this.#client('client', true);
        this.#clients.delete('client');
        await client.close();
        return;
      }
      case 'the server shuts down':
        await this.#client('client', false);
        void this.#fixture.gateway.drain({ spreadMs: 0 });
        return;
      case 'a new connection, to any node':
        return;
      default:
        throw new Error('nothing is known of this');
    }
  }

  /** @param connects whether the sample has its `connect`; otherwise it is connected already */
  async #client(party: string, connects: boolean): Promise<{ readonly client: TestClient; read: number }> {
    const known = this.#clients.get(party);
    if (known !== undefined) return known;
    const opened = { client: await this.#connect(this.#fixture.port), read: 0 };
    this.#clients.set(party, opened);
    if (!connects) {
      const name = party === 'client' ? 'alice' : party;
      opened.client.send({ type: 'connect', id: 0, token: tokenNamed(`a token of ${name}`) });
      expect(await nextFrame(opened)).toMatchObject({ type: 'connected' });
    }
    return opened;
  }

  async #get(party: string, path: string): Promise<void> {
    const url = `${this.#fixture.base}${path}`;
    if (party === 'sse') this.#stream = { sse: await SseClient.open(url), fields: {}, read: 0 };
    else this.#polled = await (await fetch(url)).json();
  }

  /** One field of a message; `data` is the last of it. */
  async #streamed(text: string): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) throw new Error('the stream was not opened');
    const colon = text.indexOf(': ');
    stream.fields[text.slice(0, colon)] = text.slice(colon + 2);
    const { data, id, retry, event = 'message' } = stream.fields;
    if (data === undefined) return;
    const { sse } = stream;
    const name = (JSON.parse(data) as { type: string }).type === 'event' ? 'message' : event;
    await sse.count(name, sse.of(name).length > 0 ? sse.of(name).length : 1);
    const message = sse.messages[stream.read++];
    expect(message?.event).toBe(event);
    expect(message?.retry).toBe(retry);
    this.#mustBe({ position: id }, { position: message?.id });
    this.#mustBe(JSON.parse(data), message?.data);
    stream.fields = {};
  }

  #mustBe(expected: unknown, actual: unknown): void {
    const problem = this.#names.differs(expected, actual);
    if (problem !== undefined) throw new Error(problem);
  }
}

/** What the outbox of a process does. */
async function publishPresence(
  hub: Hub,
  { accountSid, type, subject, data, id, onSettled }: PresenceEvent,
): Promise<void> {
  for (const topic of topicsOf(type, data as never)) {
    await hub.publish(accountSid, topic, { ...event(data, id), type, subject, source: 'node-1' });
  }
  onSettled('stored');
}

/** Heartbeats aside. */
async function nextFrame(from: { readonly client: TestClient; read: number }): Promise<ServerFrame> {
  for (;;) {
    while (from.client.frames.length <= from.read) await from.client.arrival();
    const frame = from.client.frames[from.read++];
    if (frame !== undefined && frame.type !== 'ping') return frame;
  }
}

describe('docs/spec/hub-protocol.md', () => {
  it('has a sample of every command and frame of the protocol but those that a sample cannot bring about', () => {
    const shown = (kind: SampleLine['kind']): string[] => [
      ...new Set(
        SAMPLES.flatMap(({ lines }) => lines)
          .filter((line) => line.kind === kind && line.text.startsWith('{'))
          .map(({ text }) => (JSON.parse(text) as { type: string }).type),
      ),
    ];
    expect(shown('send')).toEqual(
      expect.arrayContaining([
        'connect',
        'refresh',
        'subscribe',
        'unsubscribe',
        'publish',
        'presence',
        'ping',
        'extension',
      ]),
    );
    const all = [
      'connected',
      'refreshed',
      'subscribed',
      'unsubscribed',
      'published',
      'presence',
      'pong',
      'error',
      'event',
    ];
    expect(shown('receive')).toEqual(
      expect.arrayContaining([...all, 'token-will-expire', 'result', 'extension', 'disconnect']),
    );
  });

  it('shows valid frames only, but where it shows how others are refused', () => {
    const shown = [...TEXT.matchAll(/^(?!sse|poll)[a-z]*([<>]) (\{.*\})$/gm)].map(([, direction, json = '']) => ({
      direction,
      frame: JSON.parse(json) as unknown,
    }));
    expect(shown.length).toBeGreaterThan(60);
    for (const [at, { direction, frame }] of shown.entries()) {
      if (direction === '<') expect(serverFrameSchema.safeParse(frame).error).toBeUndefined();
      else if (!clientFrameSchema.safeParse(frame).success) {
        expect(['badFrame', 'unknownCommand']).toContain((shown[at + 1]?.frame as { name?: string }).name);
      }
    }
  });

  it('lists the codes of shared/src/codes.ts', () => {
    expect(TEXT).toContain(errorTable());
    expect(TEXT).toContain(disconnectTable());
    for (const { code } of Object.values(DISCONNECTS)) expect(TEXT).toContain(String(code));
  });

  const rows = Object.entries(TRANSPORTS).flatMap(([name, connect]) =>
    SAMPLES.map((sample) => ({ name, connect, sample, section: sample.section, at: sample.at })),
  );
  it.each(rows)('the sample in section $section, line $at, is what happens: $name', async ({ connect, sample }) => {
    const hub = hubFixture(systemClock, 0);
    const presence = new NodePresence({
      store: new MemoryPresenceCluster().open(),
      events: { emit: (event) => void publishPresence(hub.hub, event) },
      node: 'node-1',
      gate: () => 'open',
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: createMetrics(),
      limits: { windowMs: 5, settleMs: 5 },
    });
    const fixture = await httpFixture({ hub: hub.hub, gateway: { presence, extensions: [softphone] } });
    const player = new Player(fixture, connect);
    try {
      await player.play(sample);
    } finally {
      await player.close();
      await fixture[Symbol.asyncDispose]();
      await presence.close();
      await hub.hub.close();
      await hub.log.close();
    }
  });
});
