import { expect, vi } from 'vitest';
import { delay, systemClock, systemRandom } from '../../../kernel/index.ts';
import type { Clock } from '../../../kernel/index.ts';
import { systemLocator } from '../../locate/index.ts';
import { ipVersion, openSipTransports } from '../../transport/index.ts';
import type { Endpoint, TransportProtocol, TransportSet } from '../../transport/index.ts';
import type { TappedMessage } from '../../transaction/index.ts';
import type {
  CallEnd,
  CallFailure,
  IncomingCall,
  IncomingCallListener,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  UserAgent,
  UserAgentHandlers,
  UserAgentOptions,
} from '../../user-agent/api.ts';
import { createUserAgent } from '../../user-agent/index.ts';
import type { Authority } from '../certificates.ts';
import { recordingLog } from '../log.ts';
import { CONTACT, withScenario } from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import { runSipp } from '../sipp.ts';
import type { SippResult } from '../sipp.ts';
import { bound, freePort } from './ports.ts';
import { pipeIntoTls, pipeOutOfTls } from './tls-pipe.ts';

/** What is between the user agent and sipp. */
export interface Wire {
  readonly protocol: TransportProtocol;
  readonly address: string;
}

/** What a row wants of its user agent beyond the usual. */
export interface PeerOptions {
  readonly agent?: Partial<Omit<UserAgentOptions, 'transport' | 'clock' | 'log' | 'handlers'>>;
  readonly handlers?: Partial<UserAgentHandlers>;
  /** Intervals of session timers are minutes: time runs this much faster for the user agent, not for sipp. */
  readonly faster?: number;
}

/** sipp waiting for our call. */
export interface WaitingSipp {
  /** SIP URI that leads to it. */
  readonly target: string;
  readonly endpoint: Endpoint;
  /** Waits until it has seen all that its scenario says, and checks that it saw nothing else. */
  done(): Promise<void>;
}

/** Real milliseconds. T1 is long enough for a busy machine, and the longest timer (64 T1) short enough to wait for. */
const TIMERS = { t1: 150, t2: 1000, t4: 100, d: 200, trying: 150 };

/** Opens the user agent of one row, with sockets of its own. */
export async function openPeer(wire: Wire, authority: Authority, options: PeerOptions = {}): Promise<Peer> {
  const { log, errors } = recordingLog();
  const transport = await openSipTransports({
    listen: {
      udp: { port: 0 },
      tcp: { port: 0 },
      tls: {
        port: 0,
        certificate: await authority.issue([`IP:${wire.address}`]),
        authorities: authority.cert,
      },
    },
    addresses: [wire.address],
    clock: systemClock,
    random: systemRandom,
    log,
  });
  return new Peer({ wire, authority, transport, log, errors }, options);
}

interface Parts {
  readonly wire: Wire;
  readonly authority: Authority;
  readonly transport: TransportSet;
  readonly log: UserAgentOptions['log'];
  readonly errors: unknown[];
}

/** Our side of one row: a user agent on real sockets, what it heard, and the sipp that it talks with. */
export class Peer {
  readonly wire: Wire;
  readonly agent: UserAgent;
  readonly transport: TransportSet;
  /** What our calls came to, in order: `remote bye`, `failed 486`... */
  readonly ends: string[] = [];
  readonly endings: CallEnd[] = [];
  readonly failures: CallFailure[] = [];
  readonly tapped: TappedMessage[] = [];
  readonly errors: unknown[];
  readonly #authority: Authority;
  #incoming: (call: IncomingCall) => void = (call) => {
    call.reject(404);
  };
  #replacing: (call: IncomingCall) => void = (call) => {
    call.reject(603);
  };
  #resolved: readonly Endpoint[] = [];

  constructor(parts: Parts, options: PeerOptions) {
    this.wire = parts.wire;
    this.transport = parts.transport;
    this.errors = parts.errors;
    this.#authority = parts.authority;
    const { faster = 1 } = options;
    const timers = { ...TIMERS, ...options.agent?.timers };
    const system = systemLocator({ transport: parts.transport, clock: systemClock, random: systemRandom });
    this.agent = createUserAgent({
      random: systemRandom,
      sessionTimer: false,
      ...options.agent,
      transport: parts.transport,
      clock: fasterClock(faster),
      log: parts.log,
      resolver: (uri) => (uri.host.endsWith('.test') ? this.#resolved : system(uri)),
      timers: Object.fromEntries(Object.entries(timers).map(([name, value]) => [name, value * faster])),
      tap: (message) => this.tapped.push(message),
      handlers: {
        authorize: () => ({ allow: true, context: undefined }),
        onInvite: (call) => {
          this.#incoming(call);
        },
        onReplaces: (call) => {
          this.#replacing(call);
        },
        ...options.handlers,
      },
    });
  }

  /** Takes the calls of sipp. */
  onCall(take: (call: IncomingCall) => void): void {
    this.#incoming = take;
  }

  /** Takes the calls of sipp that are to replace others. */
  onReplaces(take: (call: IncomingCall) => void): void {
    this.#replacing = take;
  }

  /** What names under `.test` lead to, best first. */
  resolveTo(endpoints: readonly Endpoint[]): void {
    this.#resolved = endpoints;
  }

  /** Listens to a call that came, and notes its end. */
  listen(call: IncomingCall, listener: IncomingCallListener = {}): void {
    call.listen({
      ...listener,
      onEnded: (end) => {
        this.#ended(end);
        listener.onEnded?.(end);
      },
      onCancelled: (reason) => {
        this.ends.push('cancelled');
        listener.onCancelled?.(reason);
      },
    });
  }

  /** Calls, and notes how it ends. */
  call(target: string, listener: OutgoingCallListener = {}, options: Partial<InviteOptions> = {}): OutgoingCall {
    return this.agent.invite(
      { target, from: { uri: 'sip:+15550100@example.test' }, sdp: sampleSdp(), ...options },
      {
        ...listener,
        onEnded: (end) => {
          this.#ended(end);
          listener.onEnded?.(end);
        },
        onFailed: (failure) => {
          this.failures.push(failure);
          this.ends.push(`failed ${String(failure.status)}`);
          listener.onFailed?.(failure);
        },
      },
    );
  }

  /** Calls, and resolves with the call when it was answered. */
  async answeredCall(
    target: string,
    listener: OutgoingCallListener = {},
    options: Partial<InviteOptions> = {},
  ): Promise<OutgoingCall> {
    const answered = Promise.withResolvers<OutgoingCall>();
    const call = this.call(
      target,
      {
        ...listener,
        onAnswered: (event) => {
          listener.onAnswered?.(event);
          answered.resolve(call);
        },
        onFailed: (failure) => {
          listener.onFailed?.(failure);
          answered.reject(new Error(`the call failed: ${JSON.stringify(failure)}`));
        },
      },
      options,
    );
    return answered.promise;
  }

  /** sipp calls us, does as the steps say, and has seen nothing else. */
  async sippCalls(steps: readonly string[], args: readonly string[] = []): Promise<void> {
    const { protocol, address } = this.wire;
    const own = { host: address, port: this.transport.advertisedFor(protocol).port };
    const pipe = protocol === 'tls' ? await pipeIntoTls(own, this.#authority) : undefined;
    try {
      const port = await freePort(address);
      const fitted = fit(steps, this.wire, pipe?.from);
      const result = await withScenario(
        fitted,
        (path) =>
          runSipp([`${host(address)}:${String(pipe?.port ?? own.port)}`, ...this.#args(path, port), ...args]).result,
      );
      expectClean(result);
    } finally {
      await pipe?.close();
    }
  }

  /** Starts a sipp that waits for our call. */
  async sippWaits(steps: readonly string[], args: readonly string[] = []): Promise<WaitingSipp> {
    const { protocol, address } = this.wire;
    const port = await freePort(address);
    const pipe = protocol === 'tls' ? await pipeOutOfTls({ host: address, port }, this.#authority) : undefined;
    const fitted = fit(steps, this.wire, pipe?.port);
    const result = withScenario(fitted, (path) => runSipp([...this.#args(path, port), ...args]).result).finally(() =>
      pipe?.close(),
    );
    await Promise.race([bound(port, protocol === 'udp' ? 'udp' : 'tcp'), result.then(expectClean)]);
    const parameter = protocol === 'udp' ? '' : `;transport=${protocol}`;
    return {
      target: `sip:service@${host(address)}:${String(pipe?.port ?? port)}${parameter}`,
      endpoint: { protocol, address, port: pipe?.port ?? port },
      done: async () => {
        expectClean(await result);
      },
    };
  }

  /** First lines of the messages that went over the wire, in order: `in INVITE`, `out 200`. */
  messages(): string[] {
    return this.tapped.map(({ direction, bytes }) => {
      const [line = ''] = bytes.toString().split('\r\n', 1);
      return `${direction} ${line.startsWith('SIP/2.0 ') ? line.slice(8, 11) : (line.split(' ')[0] ?? '')}`;
    });
  }

  /** Nothing of a call is left, and everything went over the wire it should have. */
  async expectNothingLeft(): Promise<void> {
    await this.#eventually(() => {
      expect(this.agent.stats).toMatchObject({ calls: 0, dialogs: 0 });
    });
    expect(this.errors).toEqual([]);
    expect(new Set(this.tapped.map(({ protocol }) => protocol))).toEqual(new Set([this.wire.protocol]));
  }

  /** Waits until the last transaction is over, which no call may outlive for long. */
  async expectNoTransactions(): Promise<void> {
    await this.#eventually(() => {
      expect(this.agent.stats.transactions).toBe(0);
    });
  }

  async close(): Promise<void> {
    this.agent.close();
    await this.transport.close();
  }

  #args(path: string, port: number): string[] {
    const { protocol, address } = this.wire;
    return [
      ...['-sf', path, '-i', address, '-mi', address, '-p', String(port), '-m', '1'],
      ...['-t', protocol === 'udp' ? 'u1' : 't1', '-max_socket', '1000'],
    ];
  }

  /** The longest transaction lives for 64 T1. */
  async #eventually(check: () => void): Promise<void> {
    await vi.waitFor(check, { timeout: 12_000, interval: 20 });
  }

  #ended(end: CallEnd): void {
    this.endings.push(end);
    this.ends.push(`${end.by} ${end.cause}`);
  }
}

function host(address: string): string {
  return ipVersion(address) === 6 ? `[${address}]` : address;
}

/** Steps are written for any wire: here they learn which it is. */
function fit(steps: readonly string[], { protocol }: Wire, pipePort: number | undefined): string[] {
  const port = pipePort === undefined ? '[local_port]' : String(pipePort);
  const parameter = protocol === 'udp' ? '' : `;transport=${protocol}`;
  return steps.map((step) =>
    step
      .replaceAll(CONTACT, `Contact: <sip:sipp@[local_ip]:${port}${parameter}>`)
      .replaceAll('[transport]', protocol.toUpperCase())
      .replaceAll('IP4 [local_ip]', 'IP[media_ip_type] [media_ip]'),
  );
}

function fasterClock(factor: number): Clock {
  return factor === 1
    ? systemClock
    : {
        now: () => systemClock.now(),
        monotonic: () => systemClock.monotonic() * factor,
        setTimer: (delayMs, fire) => systemClock.setTimer(delayMs / factor, fire),
      };
}

function expectClean(result: SippResult): void {
  const { code, errors, output, messages } = result;
  expect({ code, errors }, `${output}\n${messages}`).toEqual({ code: 0, errors: '' });
}

/** A pause of real time, for what the other side has to be given time for. */
export function pauseMs(milliseconds: number): Promise<void> {
  return delay(systemClock, milliseconds);
}
