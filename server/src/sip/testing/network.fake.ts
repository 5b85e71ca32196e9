import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import type {
  IncomingCall,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  UserAgent,
  UserAgentHandlers,
  UserAgentOptions,
} from '../user-agent/api.ts';
import { createUserAgent } from '../user-agent/index.ts';
import { recordingLog } from './log.ts';
import { lossyLink } from './lossy-link.ts';
import type { Faults } from './lossy-link.ts';
import { sampleSdp } from './sdp.ts';

export const GOOD_NETWORK: Faults = { loss: 0, duplication: 0, reordering: 0, delay: 0 };

/** One of the two user agents. */
export interface NetworkAgent {
  readonly agent: UserAgent;
  /** The calls that reached it. */
  readonly calls: IncomingCall[];
  /** First lines of what it sent, with CSeq: `INVITE | 1 INVITE`, `200 | 1 INVITE`. */
  readonly sent: string[];
  /** The same messages whole. */
  readonly messages: string[];
}

type AgentOptions = Partial<Omit<UserAgentOptions, 'handlers'>> & { readonly handlers?: Partial<UserAgentHandlers> };

export interface NetworkOptions {
  readonly seed?: number;
  /** Default: none. */
  readonly faults?: Faults;
  readonly caller?: AgentOptions;
  readonly callee?: AgentOptions;
}

/** Two user agents on a simulated network and a clock that stands still. Everything that happens depends on the seed. */
export class FakeNetwork {
  readonly clock = new FakeClock();
  readonly caller: NetworkAgent;
  readonly callee: NetworkAgent;
  /** Lines logged as error by either. */
  readonly errors: unknown[];

  constructor(options: NetworkOptions = {}) {
    const random = seededRandom(options.seed ?? 1);
    const { log, errors } = recordingLog();
    this.errors = errors;
    const [left, right] = lossyLink({ clock: this.clock, random, faults: options.faults ?? GOOD_NETWORK });
    const open = (transport: typeof left, own: AgentOptions = {}): NetworkAgent => {
      const calls: IncomingCall[] = [];
      const sent: string[] = [];
      const messages: string[] = [];
      const agent = createUserAgent({
        transport,
        clock: this.clock,
        random,
        log,
        tap: ({ direction, bytes }) => {
          if (direction === 'in') return;
          const text = bytes.toString();
          messages.push(text);
          sent.push(shortOf(text));
        },
        ...own,
        handlers: {
          authorize: () => ({ allow: true, context: undefined }),
          onInvite: (call) => {
            calls.push(call);
          },
          ...own.handlers,
        },
      });
      return { agent, calls, sent, messages };
    };
    this.caller = open(left, options.caller);
    this.callee = open(right, options.callee);
  }

  place(listener: OutgoingCallListener = {}, options: Partial<InviteOptions> = {}): OutgoingCall {
    return this.caller.agent.invite(
      { target: 'sip:bob@127.0.0.1', from: { uri: 'sip:alice@127.0.0.1' }, sdp: sampleSdp(), ...options },
      listener,
    );
  }

  /** Lets messages arrive and promises settle. */
  async pass(ms = 100): Promise<void> {
    await this.clock.advanceAsync(ms);
  }

  /** What is left over; all zero once everything has timed out. */
  residue(): { timers: number; caller: string; callee: string; errors: readonly unknown[] } {
    const text = ({ agent }: NetworkAgent): string => {
      const { transactions, dialogs, calls } = agent.stats;
      return `${String(transactions)} ${String(dialogs)} ${String(calls)}`;
    };
    return {
      timers: this.clock.pendingTimers,
      caller: text(this.caller),
      callee: text(this.callee),
      errors: this.errors,
    };
  }
}

export const NOTHING_LEFT = { timers: 0, caller: '0 0 0', callee: '0 0 0', errors: [] };

function shortOf(text: string): string {
  const [first = ''] = text.split('\r\n', 1);
  const words = first.split(' ');
  const head = words[0] === 'SIP/2.0' ? words[1] : words[0];
  return `${head ?? ''} | ${/^CSeq: (.*)$/m.exec(text)?.[1]?.trim() ?? ''}`;
}
