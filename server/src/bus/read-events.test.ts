import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HookswitchEvent } from '@hookswitch/shared';
import { newestEvent, readEventBatches, readEvents, streamRange } from './read-events.nats.ts';
import { seekBack } from './seek-events.nats.ts';
import { EventStreams } from './streams.nats.ts';
import { ingestFilter, streamName } from './subjects.ts';
import { startTestNats } from './testing/test-nats.ts';
import type { TestNats } from './testing/test-nats.ts';

const ACCOUNT = 'AC1';
/** Sequences 1 to 12: all events of `app.first` and of `app.second` follow one another. */
const TOPICS = 'first second second a b a b a b a b last'.split(' ').map((name) => `app.${name}`);

/**
 * nats-server 2.9.10 takes from the count of pending messages what lies between such events and where a consumer begins: a
 * reader that believed it ended too early, without a word.
 */
describe('history behind topics whose events follow one another', () => {
  let server: TestNats;
  let streams: EventStreams;
  let stream: string;
  let filterOf: (pattern: string) => string;
  const event = (id: string): HookswitchEvent => ({
    specversion: '1.0',
    id,
    source: 'test',
    type: 'app.message',
    time: '2030-01-01T00:00:00Z',
    datacontenttype: 'application/json',
    accountsid: ACCOUNT,
    data: {},
  });

  beforeAll(async () => {
    server = await startTestNats();
    streams = await EventStreams.open(server.bus);
    stream = streams.streamOf(ACCOUNT);
    filterOf = (pattern) => ingestFilter(ACCOUNT, pattern, streams.shards);
    for (const [index, topic] of TOPICS.entries()) await streams.publish(ACCOUNT, topic, event(`e${index + 1}`));
  });
  afterAll(async () => {
    streams.close();
    await server.close();
  });

  const expected = (pattern: RegExp, from: number, to: number): number[] =>
    TOPICS.flatMap((topic, index) => (pattern.test(topic) && index + 1 >= from && index + 1 <= to ? [index + 1] : []));

  it('a stream that never held anything begins at 1, and reading it ends at once', async () => {
    const empty = streamName([0, 1, 2, 3].find((shard) => streamName(shard) !== stream) ?? 0);
    expect(await streamRange(server.bus, empty)).toMatchObject({ first: 1, last: 0 });
    const batches: unknown[] = [];
    for await (const batch of readEventBatches(server.bus, { stream: empty, fromSeq: 0, toSeq: 0 }))
      batches.push(batch);
    expect(batches).toEqual([]);
  });

  it.each([
    ['app.>', /./, 6, 12],
    ['app.>', /./, 6, 9],
    ['app.>', /./, 2, 12],
    ['app.*', /./, 1, 12],
    ['app.a', /a$/, 1, 12],
    ['app.second', /second/, 3, 12],
    ['app.second', /second/, 4, 12],
    ['app.none', /none/, 1, 12],
  ])('EV-6 %s (%s) from %i to %i is read in whole', async (pattern, topics, fromSeq, toSeq) => {
    const seqs: number[] = [];
    const filter = filterOf(pattern);
    for await (const { seq } of readEvents(server.bus, { stream, filter, fromSeq, toSeq, batch: 2 })) seqs.push(seq);
    expect(seqs).toEqual(expected(topics, fromSeq, toSeq));
  });

  it('the last batch reaches the end of the range, also where it is empty', async () => {
    for (const fromSeq of [4, 12]) {
      const options = { stream, filter: filterOf('app.second'), fromSeq };
      const batches: unknown[] = [];
      for await (const batch of readEventBatches(server.bus, options)) batches.push(batch);
      expect(batches).toEqual([{ events: [], upTo: 12 }]);
    }
    expect(await newestEvent(server.bus, stream, filterOf('app.*'))).toBe(12);
    expect(await newestEvent(server.bus, stream, filterOf('app.none'))).toBe(0);
  });

  it.each([
    ['app.>', 4, Infinity, 8],
    ['app.>', 4, 9, 4],
    ['app.*', 40, Infinity, 0],
    ['app.a', 2, Infinity, 7],
    ['app.second', 1, Infinity, 2],
    ['app.second', 2, 3, 0],
    ['app.none', 1, Infinity, 0],
  ])('EV-6 the newest events of %s (%i of them, before %d) begin after %i', async (pattern, count, before, seq) => {
    const options = { stream, filter: filterOf(pattern), first: 1, last: 12, count, before };
    expect(await seekBack(server.bus, options)).toBe(seq);
  });
});
