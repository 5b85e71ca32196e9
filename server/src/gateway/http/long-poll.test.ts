import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { createMetrics, systemClock } from '../../kernel/index.ts';
import { ACCOUNT, KEY, event, hubFixture, token } from '../../hub/testing/fixtures.ts';
import { LongPolls } from './long-poll.ts';
import type { PollRequest } from './long-poll.ts';
import type { PollLimits } from './poll-limits.ts';
import { readSubscription } from './query.ts';
import { httpFixture } from './testing/http-fixture.ts';

interface Answer {
  readonly events: { readonly position: { readonly seq: number } }[];
  readonly position: string;
  readonly recovered: boolean;
}

function world(limits: Partial<PollLimits> = {}, lingerMs = 0) {
  const clock = new FakeClock();
  const { hub, log, keys } = hubFixture(clock, lingerMs);
  const polls = new LongPolls({ hub, clock, metrics: createMetrics(), limits });
  const poll = async (after?: string, request: Partial<PollRequest> & { topic?: string } = {}): Promise<Answer> => {
    const text = await polls.poll({
      ...readSubscription({ topic: request.topic ?? 'app.a' }, after),
      token: token(clock),
      timeoutMs: 25_000,
      limit: 100,
      signal: new AbortController().signal,
      ...request,
    });
    return JSON.parse(text) as Answer;
  };
  return {
    clock,
    keys,
    log,
    polls,
    poll,
    publish: async (topic = 'app.a') => hub.publish(ACCOUNT, topic, event()),
    /** The poll's own timers run, whatever they are. */
    finish: async <T>(pending: Promise<T>, ms: number): Promise<T> => {
      await clock.advanceAsync(ms);
      return pending;
    },
    close: async () => {
      polls.close();
      await clock.advanceAsync(60_000);
      await hub.close();
      expect(polls.waiting).toBe(0);
      expect(log.subscriptions).toBe(0);
      expect(clock.pendingTimers).toBe(0);
    },
  };
}

const seqs = ({ events }: Answer): number[] => events.map(({ position }) => position.seq);

describe('long-polling', () => {
  it('EV-5 answers at once when there are events after the position, else when one comes', async () => {
    const w = world();
    const start = await w.finish(w.poll(undefined, { timeoutMs: 0 }), 10);
    expect(start).toMatchObject({ events: [], recovered: true });
    await w.publish();
    await w.publish('app.other');
    await w.publish();
    const first = await w.finish(w.poll(start.position), 10);
    expect(seqs(first)).toEqual([1, 3]);
    const waiting = w.poll(first.position);
    await w.clock.advanceAsync(10_000);
    expect(w.polls.waiting).toBe(1);
    await w.publish();
    expect(seqs(await w.finish(waiting, 10))).toEqual([4]);
    await w.close();
  });

  it('EV-6 polls with a small limit give every event once, and time-outs lose nothing', async () => {
    const w = world({}, 20_000);
    const got: number[] = [];
    let { position } = await w.finish(w.poll(undefined, { timeoutMs: 0 }), 10);
    for (let round = 0; round < 30; round++) {
      for (let n = 0; n < round % 5; n++) await w.publish(n % 2 === 0 ? 'app.a' : 'app.b');
      const answer = await w.finish(w.poll(position, { topic: 'app.*', limit: 2, timeoutMs: 1000 }), 1100);
      expect(answer.recovered).toBe(true);
      expect(answer.events.length).toBeLessThanOrEqual(2);
      got.push(...seqs(answer));
      ({ position } = answer);
    }
    for (let left = 1; left > 0;) {
      const answer = await w.finish(w.poll(position, { topic: 'app.*', timeoutMs: 0 }), 10);
      left = answer.events.length;
      got.push(...seqs(answer));
      ({ position } = answer);
    }
    expect(got).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    await w.close();
  });

  it('EV-6 a lost position is told at once, with the one to go on from', async () => {
    const w = world();
    await w.publish();
    const answer = await w.poll('gone:9');
    expect(answer).toMatchObject({ events: [], recovered: false });
    await w.publish();
    expect(seqs(await w.finish(w.poll(answer.position), 10))).toEqual([2]);
    await w.close();
  });

  it('does not subscribe anew for each poll while the feed lingers', async () => {
    const w = world({}, 20_000);
    let { position } = await w.finish(w.poll(undefined, { timeoutMs: 0 }), 10);
    for (let n = 0; n < 5; n++) {
      ({ position } = await w.finish(w.poll(position, { timeoutMs: 1000 }), 1100));
      expect(w.log.subscriptions).toBe(1);
    }
    await w.close();
  });

  it('EV-4 a token that was revoked while the poll waited gets nothing; bounds are clear errors', async () => {
    const w = world({ waiting: 1, perSecond: 2 });
    const { position } = await w.finish(w.poll(undefined, { timeoutMs: 0 }), 10);
    const waiting = w.poll(position).catch((error: unknown) => error);
    await settle();
    await expect(w.poll(position)).rejects.toMatchObject({ reason: 'limitExceeded' });
    w.keys.keys.delete(KEY);
    await w.publish();
    expect(await w.finish(waiting, 10)).toMatchObject({ reason: 'tokenInvalid' });
    await expect(w.poll(position)).rejects.toMatchObject({ reason: 'tokenInvalid' });
    await w.close();
  });

  it('a poll ends with its token, its client and the server', async () => {
    const w = world();
    const short = w.poll(undefined, { token: token(w.clock, { ttlSeconds: 5 }) });
    expect(await w.finish(short, 6000)).toMatchObject({ events: [] });
    const gone = new AbortController();
    const left = w.poll(undefined, { signal: gone.signal });
    const shut = w.poll();
    await settle();
    gone.abort();
    await w.finish(left, 10);
    expect(w.polls.waiting).toBe(1);
    w.polls.close();
    expect(await w.finish(shut, 10)).toMatchObject({ events: [] });
    await expect(w.poll()).rejects.toMatchObject({ reason: 'unavailable' });
    await w.close();
  });

  it('is served over HTTP', async () => {
    const fixture = hubFixture(systemClock, 0);
    await using http = await httpFixture({ hub: fixture.hub, limits: { perSecond: 1 } });
    const headers = { authorization: `Bearer ${token(systemClock)}` };
    const ask = (query: string): Promise<Response> => fetch(`${http.base}/v1/hub/poll?${query}`, { headers });
    const start = (await (await ask('topic=app.a&timeout=0')).json()) as Answer;
    await fixture.hub.publish(ACCOUNT, 'app.a', event());
    const next = (await (await ask(`topic=app.a&after=${encodeURIComponent(start.position)}`)).json()) as Answer;
    expect(seqs(next)).toEqual([1]);
    expect((await ask('topic=app.a&timeout=3600')).status).toBe(400);
    const full = await ask('topic=app.a&timeout=0');
    expect([full.status, full.headers.get('retry-after')]).toEqual([429, '1']);
    await http[Symbol.asyncDispose]();
    await fixture.hub.close();
  });
});
