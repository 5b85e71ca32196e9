import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { RecordingRetention } from './recording-retention.ts';

const DAY = 86_400_000;

/** Recordings by account and age in days. */
class Kept {
  readonly clock = new FakeClock();
  readonly rows = new Map<string, { accountSid: string; startedAt: number }>();
  readonly files = new Set<string>();
  readonly purged: string[] = [];
  broken: string | undefined;
  accounts = [
    { accountSid: 'AC1', keepMs: 30 * DAY },
    { accountSid: 'AC2', keepMs: 3650 * DAY },
    { accountSid: 'AC3', keepMs: DAY },
  ];
  removed = 0;
  readonly retention = new RecordingRetention({
    clock: this.clock,
    log: silentLog,
    facts: {
      due: (accountSid, before, limit) => {
        if (accountSid === this.broken) return Promise.reject(new Error('the database is away'));
        const found = [...this.rows].filter(([, row]) => row.accountSid === accountSid && row.startedAt < before);
        return Promise.resolve(found.slice(0, limit).map(([sid]) => sid));
      },
      remove: (_accountSid, sid) => Promise.resolve(void this.rows.delete(sid)),
    },
    files: {
      remove: (_accountSid, sid) => Promise.resolve(this.files.delete(sid)),
      purge: (_before, accountSid = 'all') => Promise.resolve(this.purged.push(accountSid)),
    },
    accounts: () => Promise.resolve(this.accounts),
    onRemoved: (count) => (this.removed += count),
  });

  add(sid: string, accountSid: string, days: number): void {
    this.rows.set(sid, { accountSid, startedAt: this.clock.now() - days * DAY });
    this.files.add(sid);
  }
}

describe('CR-5 recordings are kept as long as their account says', () => {
  it('each account by its own age; facts and audio go together', async () => {
    const kept = new Kept();
    for (const account of ['AC1', 'AC2', 'AC3'])
      for (const days of [0.5, 20, 40]) kept.add(`${account}-${days}`, account, days);
    expect(await kept.retention.sweep()).toBe(3);
    expect([...kept.files]).toEqual(['AC1-0.5', 'AC1-20', 'AC2-0.5', 'AC2-20', 'AC2-40', 'AC3-0.5']);
    expect([...kept.rows.keys()]).toEqual([...kept.files]);
    expect(kept.purged).toEqual(['AC1', 'AC2', 'AC3']);
    expect(kept.removed).toBe(3);
    expect(await kept.retention.sweep()).toBe(0);
  });

  it('a thousand at a time, and what one account hinders hinders no other', async () => {
    const kept = new Kept();
    kept.broken = 'AC1';
    kept.add('a', 'AC1', 400);
    for (let n = 0; n < 1000; n++) kept.add(`c${n}`, 'AC3', 2);
    expect(await kept.retention.sweep()).toBe(1000);
    expect([...kept.files]).toEqual(['a']);
  });

  it('a minute after a process took it over, then once a day, until it is given on', async () => {
    const kept = new Kept();
    const duty = new AbortController();
    const run = kept.retention.run(duty.signal);
    kept.add('a', 'AC3', 2);
    kept.clock.advance(59_000);
    await settle();
    expect(kept.files.size).toBe(1);
    kept.clock.advance(1000);
    await settle();
    expect(kept.files.size).toBe(0);
    kept.add('b', 'AC3', 2);
    kept.clock.advance(DAY - 1);
    await settle();
    expect(kept.files.size).toBe(1);
    kept.clock.advance(1);
    await settle();
    expect(kept.files.size).toBe(0);
    duty.abort();
    await run;
    expect(kept.clock.pendingTimers).toBe(0);
  });
});
