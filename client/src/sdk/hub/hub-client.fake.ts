import { FakeClock } from '../kit/clock.fake.ts';
import { HubClient } from './hub-client.ts';
import type { HubOptions } from './hub-client.ts';
import { FakeHub } from './hub.fake.ts';

/** A client, and the hub that it talks to; both live by the clock of the test. */
export function setUp(options: Partial<HubOptions> = {}): {
  readonly clock: FakeClock;
  readonly hub: FakeHub;
  readonly client: HubClient;
  readonly connect: () => Promise<void>;
  readonly tokens: () => number;
} {
  const clock = new FakeClock();
  const hub = new FakeHub();
  let tokens = 0;
  const client = new HubClient({
    url: 'ws://hub/v1/hub',
    token: () => `token-${++tokens}`,
    transport: hub.transport,
    clock,
    random: () => 0.5,
    ...options,
  });
  const connect = async (): Promise<void> => {
    const connected = client.connect();
    await hub.accept();
    await connected;
  };
  return { clock, hub, client, connect, tokens: () => tokens };
}
