import { createMetrics, silentLog, systemRandom } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import type { HookswitchEvent } from '@hookswitch/shared';
import { createHub, issueToken } from '../index.ts';
import type { Hub, IssueTokenRequest, KeySource, SigningKey } from '../index.ts';
import { MemoryEventLog } from '../event-log.memory.ts';

export const ACCOUNT = `AC${'a'.repeat(32)}`;
export const OTHER_ACCOUNT = `AC${'b'.repeat(32)}`;
export const KEY = `SK${'1'.repeat(32)}`;
export const OTHER_KEY = `SK${'2'.repeat(32)}`;
export const SECRET = 'a-secret-of-the-first-account';
export const OTHER_SECRET = 'a-secret-of-the-other-account';

/** Two accounts with one key each; tests change it at will. */
export class FakeKeys implements KeySource {
  readonly keys = new Map<string, SigningKey>([
    [KEY, { secret: SECRET, accountSid: ACCOUNT, accountActive: true }],
    [OTHER_KEY, { secret: OTHER_SECRET, accountSid: OTHER_ACCOUNT, accountActive: true }],
  ]);

  apiKey(keySid: string): SigningKey | undefined {
    return this.keys.get(keySid);
  }
}

export function token(clock: Clock, request: Partial<IssueTokenRequest> = {}): string {
  return issueToken(
    { accountSid: ACCOUNT, keySid: KEY, secret: SECRET, hub: { subscribe: ['>'], publish: ['app.>'] }, ...request },
    clock,
    systemRandom,
  );
}

let counter = 0;

export function event(data: unknown = {}, id = `event-${++counter}`, accountSid = ACCOUNT): HookswitchEvent {
  return {
    specversion: '1.0',
    id,
    source: 'test',
    type: 'app.test',
    time: '2030-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    accountsid: accountSid,
    data,
  };
}

export interface HubFixture {
  readonly hub: Hub;
  readonly log: MemoryEventLog;
  readonly keys: FakeKeys;
}

export function hubFixture(clock: Clock, lingerMs = 20_000): HubFixture {
  const log = new MemoryEventLog();
  const keys = new FakeKeys();
  const hub = createHub({ log, keys, clock, logger: silentLog, metrics: createMetrics(), feed: { lingerMs } });
  return { hub, log, keys };
}
