import { afterAll, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { silentLog } from '../kernel/index.ts';
import { eventually } from '../bus/testing/eventually.ts';
import { HANDLERS } from './handlers.ts';
import { Projection } from './projection.ts';
import type { Checkpoint, UsageTriggerRecord } from './ports.ts';
import { PgRecords } from './store.pg.ts';
import { CallEvents, sidOf } from './testing/call-events.ts';
import { openTestDatabase } from './testing/postgres.ts';
import { UsageWatch } from './usage-watch.ts';

const postgres = await openTestDatabase();
const records = await PgRecords.open(postgres.database);
afterAll(() => postgres.close());

it('CR-4 a usage trigger tells once when its value is reached, and again in its next period', async () => {
  const accountSid = sidOf('account', 'triggers');
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 12));
  const told: string[] = [];
  const watch = new UsageWatch({
    usage: records.usage,
    triggers: records.triggers,
    tell: ({ name }, { current }) => told.push(`${name} ${current}`),
    clock,
    log: silentLog,
  });
  const trigger = (name: string, more: Partial<UsageTriggerRecord> = {}): UsageTriggerRecord => ({
    sid: `UT${name}`,
    accountSid,
    name,
    category: 'calls',
    triggerBy: 'count',
    value: 2,
    relative: false,
    base: 0,
    recurring: null,
    callbackUrl: 'http://app.test/t',
    callbackMethod: 'POST',
    createdAt: '2026-01-01T00:00:00Z',
    updatedAt: '2026-01-01T00:00:00Z',
    firedAt: null,
    firedFor: null,
    ...more,
  });
  await records.triggers.insert(trigger('once'));
  await records.triggers.insert(trigger('daily', { recurring: 'daily' }));
  await records.triggers.insert(trigger('minutes', { triggerBy: 'usage', value: 100 }));
  let at: Checkpoint | undefined;
  const call = async (name: string, time: number): Promise<void> => {
    const made = new CallEvents(`trigger ${name}`, {}, time);
    made.accountSid = accountSid;
    const projection = new Projection(HANDLERS);
    for (const event of made.life()) projection.add(event);
    const to = { epoch: 'e', seq: (at?.seq ?? 0) + 1 };
    await records.apply({ shard: 77, from: at, to, fence: 1, changes: projection.changes });
    at = to;
    watch.changed([accountSid]);
  };
  const day = Date.UTC(2026, 0, 5, 10);
  await call('a', day);
  await call('b', day);
  await eventually(() => {
    expect(told.sort()).toEqual(['daily 2', 'once 2']);
  });
  await call('c', day);
  clock.advance(86_400_000);
  await call('d', day + 86_400_000);
  await call('e', day + 86_400_000);
  await eventually(() => {
    expect(told.sort()).toEqual(['daily 2', 'daily 2', 'once 2']);
  });
});
