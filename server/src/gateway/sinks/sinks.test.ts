import { describe, expect, it } from 'vitest';
import { ACCOUNT } from '../../hub/testing/fixtures.ts';
import type { PostOutcome } from './ports.ts';
import { sinkWorld } from './testing/sink-world.ts';

const refused = (status: number, retryAfterMs?: number): PostOutcome => ({
  status,
  retryAfterMs,
  problem: `the receiver answered ${status}`,
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe('webhook sinks', () => {
  it('EV-5 what is published after a webhook was made is sent, in batches, in order', async () => {
    const w = sinkWorld();
    w.start();
    await w.publish();
    await w.create({ batchEvents: 3, batchWindowMs: 100 });
    for (let n = 0; n < 7; n++) await w.publish();
    await w.publish('other.a');
    await w.clock.advanceAsync(200);
    expect(w.receiver.seqs).toEqual(range(2, 8));
    expect(Math.max(...w.receiver.taken.map(({ seqs }) => seqs.length))).toBe(3);
    // The pattern is subscribed already: a later webhook begins at its own time all the same.
    await w.create({ url: 'https://later.example/' });
    await w.publish();
    await w.clock.advanceAsync(200);
    expect(w.receiver.taken.filter(({ url }) => url.includes('later')).flatMap(({ seqs }) => seqs)).toEqual([10]);
    await w.close();
  });

  it('EV-6 a restart goes on from the last batch that was taken: nothing is missing, and known by its message id', async () => {
    const w = sinkWorld();
    await w.create({ batchEvents: 1 });
    for (let n = 1; n <= 5; n++) await w.publish();
    let answered = 0;
    const hang = new Promise<PostOutcome>(() => undefined);
    w.receiver.answer = () => (++answered > 2 ? hang : { status: 204, problem: undefined });
    w.start();
    await w.clock.advanceAsync(10);
    await w.stop();
    expect(w.receiver.seqs).toEqual([1, 2]);
    const repeated = w.receiver.asked.at(-1);
    w.receiver.answer = () => ({ status: 200, problem: undefined });
    await w.publish();
    w.start();
    await w.clock.advanceAsync(10);
    expect(w.receiver.seqs).toEqual(range(1, 6));
    expect(w.receiver.taken.find(({ seqs }) => seqs[0] === 3)?.id).toBe(repeated?.id);
    await w.close();
  });

  it('keeps the order of a key over failures, while other keys go on', async () => {
    const w = sinkWorld();
    w.start();
    await w.create();
    w.receiver.answer = ({ topics }) =>
      topics.includes('app.bad') ? refused(500) : { status: 200, problem: undefined };
    for (let n = 0; n < 20; n++) await w.publish(n % 2 === 0 ? 'app.bad' : `app.good${n % 3}`);
    await w.clock.advanceAsync(20_000);
    expect(w.receiver.seqs.toSorted((a, b) => a - b)).toEqual(range(1, 20).filter((seq) => seq % 2 === 0));
    w.receiver.answer = () => ({ status: 200, problem: undefined });
    await w.clock.advanceAsync(900_000);
    const bad = w.receiver.taken.flatMap(({ topics, seqs }) => seqs.filter((_, at) => topics[at] === 'app.bad'));
    expect(bad).toEqual(range(1, 20).filter((seq) => seq % 2 === 1));
    await w.close();
  });

  it('what is refused for too long becomes a dead letter, is listed, and can be sent again', async () => {
    const w = sinkWorld({ maxAttempts: 4, backoff: { baseMs: 100, maxMs: 1000 } });
    w.start();
    const webhook = await w.create();
    w.receiver.answer = ({ seqs }) => (seqs.includes(1) ? refused(400) : { status: 200, problem: undefined });
    await w.publish('app.a', { text: 'poison' });
    await w.publish('app.b');
    await w.clock.advanceAsync(10_000);
    await w.publish('app.a');
    await w.clock.advanceAsync(100);
    expect(w.receiver.seqs).toEqual([2, 3]);
    expect(w.receiver.asked.filter(({ seqs }) => seqs.includes(1))).toHaveLength(4);
    const [letter] = await w.service.deadLetters(webhook);
    expect(letter).toMatchObject({ topic: 'app.a', attempts: 4, event: { data: { text: 'poison' } } });
    await w.service.redrive(webhook);
    await w.clock.advanceAsync(10);
    expect(await w.service.deadLetters(webhook)).toHaveLength(1);
    w.receiver.answer = () => ({ status: 200, problem: undefined });
    await w.service.redrive(webhook);
    await w.clock.advanceAsync(10);
    expect(w.receiver.seqs).toEqual([2, 3, 1]);
    expect(await w.service.deadLetters(webhook)).toHaveLength(0);
    await w.close();
  });

  it('410 pauses at once, long failure too, each with an event; resuming goes on without a gap', async () => {
    const w = sinkWorld({ pauseAfterMs: 60_000 });
    w.start();
    const webhook = await w.create();
    w.receiver.answer = () => refused(410);
    await w.publish();
    expect(w.store.get(webhook.sid)?.pause?.reason).toBe('gone');
    await w.publish();
    expect(w.receiver.asked).toHaveLength(1);
    w.receiver.answer = () => refused(503);
    await w.service.resume(webhook);
    await w.clock.advanceAsync(300_000);
    expect(w.store.get(webhook.sid)?.pause?.reason).toBe('failing');
    expect(w.happened.map((one) => one.kind)).toEqual(['paused', 'paused']);
    w.receiver.answer = () => ({ status: 200, problem: undefined });
    await w.service.resume(webhook);
    await w.clock.advanceAsync(10);
    expect(w.receiver.seqs).toEqual([1, 2]);
    expect(await w.service.deadLetters(webhook)).toEqual([]);
    await w.close();
  });

  it('Retry-After is waited for', async () => {
    const w = sinkWorld();
    w.start();
    await w.create();
    w.receiver.answer = () => refused(429, 30_000);
    await w.publish();
    w.receiver.answer = () => ({ status: 200, problem: undefined });
    await w.publish('app.b');
    await w.clock.advanceAsync(29_000);
    expect(w.receiver.asked).toHaveLength(1);
    await w.clock.advanceAsync(2000);
    expect(w.receiver.seqs.toSorted((a, b) => a - b)).toEqual([1, 2]);
    await w.close();
  });

  it('EV-9 a receiver that hangs holds a bounded number of events and requests, and no other sink', async () => {
    const w = sinkWorld({ maxEvents: 20 });
    w.start();
    await w.create({ url: 'https://slow.example/', batchEvents: 1, orderBy: 'none' });
    await w.create({ url: 'https://fast.example/' });
    let release: (outcome: PostOutcome) => void = () => undefined;
    const hanging = new Promise<PostOutcome>((resolve) => (release = resolve));
    w.receiver.answer = ({ url }) => (url.includes('slow') ? hanging : { status: 200, problem: undefined });
    for (let n = 0; n < 200; n++) await w.publish();
    expect(w.receiver.seqs).toEqual(range(1, 200));
    expect(w.receiver.asked.filter(({ url }) => url.includes('slow'))).toHaveLength(4);
    w.receiver.answer = () => ({ status: 200, problem: undefined });
    release({ status: 200, problem: undefined });
    await w.clock.advanceAsync(5000);
    const slow = w.receiver.taken.filter(({ url }) => url.includes('slow')).flatMap(({ seqs }) => seqs);
    expect(slow.toSorted((a, b) => a - b)).toEqual(range(1, 200));
    await w.close();
  });

  it('a suspended account gets nothing until it is active again; removed and paused sinks end', async () => {
    const w = sinkWorld();
    w.start();
    const webhook = await w.create();
    w.inactive.add(ACCOUNT);
    await w.publish();
    await w.clock.advanceAsync(60_000);
    expect(w.receiver.asked).toEqual([]);
    w.inactive.clear();
    await w.clock.advanceAsync(20_000);
    expect(w.receiver.seqs).toEqual([1]);
    await w.service.pause(webhook);
    await w.publish();
    expect(w.receiver.seqs).toEqual([1]);
    await w.service.remove(webhook);
    await w.clock.advanceAsync(10);
    expect(w.log.subscriptions).toBe(0);
    await w.close();
  });
});
