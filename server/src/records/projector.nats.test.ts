import { afterAll, expect, it } from 'vitest';
import { EventStreams } from '../bus/index.ts';
import { eventually } from '../bus/testing/eventually.ts';
import { startTestNats } from '../bus/testing/test-nats.ts';
import { DeadCalls } from './dead-calls.ts';
import type { OpenCall } from './ports.ts';
import type { ProjectedEvent } from './projection.ts';
import { RecordsProjector } from './projector.nats.ts';
import { PgRecords } from './store.pg.ts';
import { ACCOUNT, CallEvents } from './testing/call-events.ts';
import { openTestDatabase } from './testing/postgres.ts';

const server = await startTestNats();
const streams = await EventStreams.open(server.bus);
const postgres = await openTestDatabase();
const records = await PgRecords.open(postgres.database);
const SHARD = streams.shardOf(ACCOUNT);
afterAll(async () => {
  streams.close();
  await server.close();
  await postgres.close();
});

const publish = async (events: readonly ProjectedEvent[]): Promise<void> => {
  for (const { topic, event } of events) await streams.publish(event.accountsid, topic, event);
};
/** Does the shard until the returned function is called. */
function run(
  fence: number,
  more: Partial<ConstructorParameters<typeof RecordsProjector>[0]> = {},
): () => Promise<void> {
  const projector = new RecordsProjector({ bus: server.bus, streams, store: records, ...more });
  const abort = new AbortController();
  const done = projector.task.run({ shard: SHARD, fence, signal: abort.signal });
  return async () => {
    abort.abort();
    await done;
  };
}
const status = async ({ sid }: CallEvents): Promise<string | undefined> =>
  (await records.calls.get(ACCOUNT, sid))?.status;

it('events come into the tables, live and after downtime; copies on other topics count once', async () => {
  const before = new CallEvents('before');
  await publish(before.life());
  const stop = run(1);
  await eventually(async () => {
    expect(await status(before)).toBe('completed');
  });
  const live = new CallEvents('live');
  const [initiated, ...rest] = live.life();
  await publish([initiated!, { ...initiated!, topic: 'numbers.=2B15550100.initiated' }]);
  await eventually(async () => {
    expect(await status(live)).toBe('ringing');
  });
  await stop();
  await publish(rest);
  const stopAgain = run(2);
  await eventually(async () => {
    expect(await status(live)).toBe('completed');
  });
  expect((await records.calls.get(ACCOUNT, live.sid))?.version).toBe(4);
  await stopAgain();
});

it('what an application publishes under a name of ours changes nothing; what cannot be read is left out', async () => {
  const forged = new CallEvents('forged');
  const odd = new CallEvents('odd');
  const good = new CallEvents('good');
  const [made] = forged.life();
  const [bad] = odd.life();
  const stop = run(3);
  await publish([
    { ...made!, topic: 'app.initiated' },
    { ...bad!, event: { ...bad!.event, data: { direction: 'sideways' } } },
    ...good.life(),
  ]);
  await eventually(async () => {
    expect(await status(good)).toBe('completed');
  });
  expect([await status(forged), await status(odd)]).toEqual([undefined, undefined]);
  await stop();
});

it('two doers at once, one of them late: every event has its effect once', async () => {
  const stops = [run(10), run(11)];
  const calls = Array.from({ length: 20 }, (_, i) => new CallEvents(`two ${i}`));
  for (const call of calls) await publish(call.life());
  for (const call of calls)
    await eventually(async () => {
      expect(await status(call)).toBe('completed');
    });
  const versions = await Promise.all(calls.map(async ({ sid }) => (await records.calls.get(ACCOUNT, sid))?.version));
  expect(new Set(versions)).toEqual(new Set([4]));
  for (const stop of stops) await stop();
});

it('calls of a process that died are ended in its place, once, when all it said was read', async () => {
  const call = new CallEvents('orphan');
  call.node = 'dead-1';
  const lives = new CallEvents('lives');
  lives.node = 'alive-1';
  await publish([...call.life().slice(0, 3), ...lives.life().slice(0, 3)]);
  const ended: OpenCall[] = [];
  const dead = new DeadCalls({
    store: records,
    cluster: {
      standing: 'held',
      isAlive: (node) => node === 'alive-1',
      isFenced: () => true,
      on: () => () => undefined,
    },
    shardOf: (accountSid) => streams.shardOf(accountSid),
    end: (open) => ended.push(open),
    clock: server.bus.clock,
    log: server.bus.log,
  });
  const stop = run(20, { tidy: (shard, signal) => dead.tidy(shard, signal) });
  await eventually(() => {
    expect(ended.map(({ sid, sequence, status: was }) => ({ sid, sequence, was }))).toEqual([
      { sid: call.sid, sequence: 2, was: 'in-progress' },
    ]);
  });
  await stop();
});
