import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import type { Resolver, TransportProtocol } from '../transport/index.ts';
import type { IncomingCall, UserAgent, UserAgentHandlers, UserAgentOptions } from '../user-agent/api.ts';
import { createUserAgent } from '../user-agent/index.ts';
import { recordingLog } from './log.ts';
import { FakeTransport } from './transport.fake.ts';

export interface TestAgent {
  readonly agent: UserAgent;
  readonly clock: FakeClock;
  readonly transport: FakeTransport;
  readonly calls: IncomingCall[];
  /** Lines logged as error. */
  readonly errors: unknown[];
}

/** A user agent without network and time, which collects its incoming calls. */
export function testAgent(
  handlers: Partial<UserAgentHandlers> = {},
  options: Partial<UserAgentOptions> & {
    reliable?: boolean;
    resolver?: Resolver;
    protocols?: readonly TransportProtocol[];
  } = {},
): TestAgent {
  const clock = new FakeClock();
  const transport = new FakeTransport(options);
  const calls: IncomingCall[] = [];
  const { log, errors } = recordingLog();
  const agent = createUserAgent({
    transport,
    clock,
    random: seededRandom(7),
    log,
    ...options,
    handlers: {
      authorize: () => ({ allow: true, context: undefined }),
      onInvite: (call) => {
        calls.push(call);
      },
      ...handlers,
    },
  });
  return { agent, clock, transport, calls, errors };
}
