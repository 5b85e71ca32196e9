import { describe, expect, it } from 'vitest';
import { createMetrics } from '../kernel/index.ts';
import { AccountMetrics } from './account-metrics.ts';

function world(accounts: number) {
  const metrics = createMetrics();
  const own = new AccountMetrics({ metrics, accounts });
  return {
    own,
    /** `account`, as often as it did something. */
    busy: (account: string, times: number, topic = 'app.x') => {
      for (let n = 0; n < times; n++) own.tallyOf(account, topic).delivered += 1;
    },
    /** What is shown of a metric, by its labels. */
    shown: async (name: string): Promise<Record<string, number>> => {
      const lines = (await metrics.expose()).body.split('\n').filter((line) => line.startsWith(`${name}{`));
      return Object.fromEntries(
        lines.map((line) => {
          const [, labels = '', value] = /\{(.*)\} (.*)$/.exec(line) ?? [];
          return [labels.replaceAll(/\w+="([^"]*)"/g, '$1'), Number(value)];
        }),
      );
    },
  };
}

const DELIVERED = 'hookswitch_account_delivered_total';

describe('metrics of accounts', () => {
  it('are by account and class of topic, which clients cannot make more of', async () => {
    const { own, busy, shown } = world(10);
    busy('AC1', 3, 'app.orders.1');
    busy('AC1', 2, 'calls.CA1.ringing');
    for (let n = 0; n < 50; n++) busy('AC2', 1, `made-up-${n}.x`);
    Object.assign(own.tallyOf('AC2', 'app.a'), { published: 4, publishedBytes: 400, dropped: 5, conflated: 6 });
    expect(await shown(DELIVERED)).toEqual({ 'AC1,app': 3, 'AC1,calls': 2, 'AC2,app': 0, 'AC2,other': 50 });
    expect(await shown('hookswitch_account_published_bytes_total')).toMatchObject({ 'AC2,app': 400 });
    expect(await shown('hookswitch_account_dropped_total')).toMatchObject({ 'AC2,app': 5 });
    expect(await shown('hookswitch_account_conflated_total')).toMatchObject({ 'AC2,app': 6 });
  });

  it('have a bounded number of labels: a busier account takes the label of an idle one, the sum of the others only rises', async () => {
    const { busy, shown } = world(2);
    busy('AC1', 5);
    busy('AC2', 5);
    busy('AC3', 3);
    busy('AC4', 1);
    expect(await shown(DELIVERED)).toEqual({ 'AC1,app': 5, 'AC2,app': 5, 'other,app': 4 });
    // AC1 has nothing to do any more.
    busy('AC2', 5);
    busy('AC3', 3);
    expect(await shown(DELIVERED)).toEqual({ 'AC2,app': 10, 'other,app': 7 });
    busy('AC2', 1);
    busy('AC3', 2);
    busy('AC1', 1);
    expect(await shown(DELIVERED)).toEqual({ 'AC2,app': 11, 'AC3,app': 2, 'other,app': 8 });
  });

  it('an account as busy as another does not take its label', async () => {
    const { busy, shown } = world(1);
    for (let n = 0; n < 5; n++) {
      busy('AC1', 10);
      busy('AC2', 15);
      expect(Object.keys(await shown(DELIVERED))).toEqual(['other,app', 'AC1,app']);
    }
  });

  it('without labels for accounts all of them are one', async () => {
    const { own, busy, shown } = world(0);
    busy('AC1', 1);
    busy('AC2', 1);
    own.lag('AC1', 20);
    expect(await shown(DELIVERED)).toEqual({ 'other,app': 2 });
    expect(await shown('hookswitch_account_lag_seconds_count')).toEqual({ other: 1 });
  });

  it('show what accounts have now, and nothing of those that left', async () => {
    const { own, shown } = world(1);
    let holdings = [
      { accountSid: 'AC1', connections: 2, subscriptions: 5 },
      { accountSid: 'AC2', connections: 3, subscriptions: 1 },
      { accountSid: 'AC3', connections: 1, subscriptions: 1 },
    ];
    own.watch(() => holdings);
    expect(await shown('hookswitch_account_connections')).toEqual({ AC1: 2, other: 4 });
    expect(await shown('hookswitch_account_subscriptions')).toEqual({ AC1: 5, other: 2 });
    holdings = [];
    expect(await shown('hookswitch_account_connections')).toEqual({ AC1: 0, other: 0 });
  });
});
