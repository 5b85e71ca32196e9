import { MachineRunner, TimerSet, randomHex, toError } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import type { DigestCredentials } from '../digest/index.ts';
import { escapeUser, parseNameAddr, parseUri, splitList } from '../message/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type { RequestResult, UserAgent } from '../user-agent/api.ts';
import { registrationMachine } from './machine.ts';
import type {
  RegisterAnswer,
  RegistrationEffect,
  RegistrationInput,
  RegistrationState,
  RegistrationTimer,
} from './machine.ts';

export interface RegistrationOptions {
  /** Without `keepAlive`, carriers behind whose or our NAT the way closes find us no more. */
  readonly userAgent: Pick<UserAgent, 'request'> & Partial<Pick<UserAgent, 'keepAlive'>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Request-URI of REGISTER: the carrier's domain, `sip:carrier.example.com`. */
  readonly registrar: string;
  /** Whom we register as, `sip:+15550100@carrier.example.com`. */
  readonly addressOfRecord: string;
  /** User part of our Contact: what the carrier puts into the Request-URI of calls to us. Default: the one registered. */
  readonly contactUser?: string;
  /**
   * URI parameters of our Contact, for example `;line=5f3a`: the carrier sends them back in the Request-URI of calls to
   * us (RFC 3261 section 10.2 and 16.5), so that these can be recognised by what nobody else knows.
   */
  readonly contactUriParams?: string;
  readonly credentials?: DigestCredentials;
  /** Outbound proxy as SIP URI. */
  readonly nextHop?: string;
  /** Asked for, seconds (default 600). */
  readonly expires?: number;
  /** Ceiling of the first wait after a failure, milliseconds (default 30 000), doubling up to `maxDelayMs`. */
  readonly baseDelayMs?: number;
  /** Milliseconds (default 1 800 000). */
  readonly maxDelayMs?: number;
  /** How long `stop()` waits for the carrier's answer, milliseconds (default 2000). */
  readonly stopTimeoutMs?: number;
  /** Hears of every change. What it throws is logged. */
  readonly onStatus?: (status: RegistrationStatus) => void;
}

export type RegistrationStatus =
  | { readonly state: 'idle' | 'registering' | 'stopped' }
  | {
      readonly state: 'registered';
      /** `clock.now()` at which it ends unless refreshed. */
      readonly expiresAt: number;
      /** Give it as `path` of calls through this carrier (RFC 3608). */
      readonly serviceRoute: readonly string[];
    }
  | {
      readonly state: 'failed';
      /** 408 when nothing came, 503 when nothing could be sent, 401, 403, 407: the credentials are wrong. */
      readonly status: number;
      readonly reason: string;
      /** `clock.now()` of the next try. */
      readonly retryAt: number;
    };

/** Keeps one contact of ours registered. Lifetime: from `start()` to `stop()`, which its owner calls. */
export interface Registration {
  readonly status: RegistrationStatus;
  /** Who has answered while we are registered; undefined while we are not. */
  readonly registrar: Endpoint | undefined;
  /** Idempotent. */
  start(): void;
  /** Removes the contact at the registrar. Resolves when that is answered or after a moment. Idempotent. */
  stop(): Promise<void>;
}

/** A registration at a carrier (RFC 3261 section 10.2): refreshed at 50 to 90 % of its life, tried again with back-off. */
export function createRegistration(options: RegistrationOptions): Registration {
  return new CarrierRegistration(options);
}

class CarrierRegistration implements Registration {
  readonly #options: RegistrationOptions;
  readonly #timers: TimerSet<RegistrationTimer | 'stop'>;
  readonly #runner: MachineRunner<RegistrationState, RegistrationInput, RegistrationEffect>;
  readonly #series: { readonly callId: string; nextSequence(): number };
  readonly #stopped = Promise.withResolvers<void>();
  #status: RegistrationStatus = { state: 'idle' };
  /** Requests out: an answer to an older one is not the answer to the newest. */
  #sent = 0;
  #answeredBy: Endpoint | undefined;
  /** Keeps the carrier's way to us open while we are registered. */
  #keepAlive: { readonly to: string; readonly stop: () => void } | undefined;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    let sequence = 0;
    this.#series = { callId: randomHex(options.random, 16), nextSequence: () => ++sequence };
    this.#timers = new TimerSet(options.clock, (name) => {
      if (name === 'stop') this.#perform({ kind: 'stopped' });
      else this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner({
      machine: registrationMachine({
        expires: options.expires ?? 600,
        baseDelayMs: options.baseDelayMs ?? 30_000,
        maxDelayMs: options.maxDelayMs ?? 1_800_000,
      }),
      initial: { name: 'idle' },
      perform: (effect) => {
        this.#perform(effect);
      },
    });
  }

  get status(): RegistrationStatus {
    return this.#status;
  }

  get registrar(): Endpoint | undefined {
    return this.#status.state === 'registered' ? this.#answeredBy : undefined;
  }

  start(): void {
    this.#runner.dispatch({ kind: 'start' });
  }

  stop(): Promise<void> {
    if (this.#status.state !== 'stopped') {
      this.#timers.start('stop', this.#options.stopTimeoutMs ?? 2000);
      this.#runner.dispatch({ kind: 'stop' });
    }
    return this.#stopped.promise;
  }

  #perform(effect: RegistrationEffect): void {
    if (this.#timers.perform(effect)) return;
    const { clock, log, addressOfRecord } = this.#options;
    switch (effect.kind) {
      case 'register':
        if (effect.expires > 0 && this.#status.state === 'idle') this.#tell({ state: 'registering' });
        void this.#register(effect.expires);
        return;
      case 'registered':
        if (this.#status.state !== 'registered') log.info({ addressOfRecord }, 'registered at the carrier');
        this.#tell({
          state: 'registered',
          expiresAt: clock.now() + effect.expires * 1000,
          serviceRoute: effect.serviceRoute,
        });
        return;
      case 'failed': {
        const { status, reason, retryInMs } = effect;
        log.warn({ addressOfRecord, status, retryInMs }, `not registered at the carrier: ${status} ${reason}`);
        this.#tell({ state: 'failed', status, reason, retryAt: clock.now() + retryInMs });
        return;
      }
      case 'stopped':
        this.#timers.close();
        if (this.#status.state !== 'stopped') this.#tell({ state: 'stopped' });
        this.#stopped.resolve();
    }
  }

  /** As long as we are registered, calls come over the way that the REGISTER has opened. */
  #holdOpen(registered: boolean): void {
    const peer = registered ? this.#answeredBy : undefined;
    const to = peer === undefined ? undefined : `${peer.protocol} ${peer.address} ${peer.port}`;
    if (to === this.#keepAlive?.to) return;
    this.#keepAlive?.stop();
    const stop = peer === undefined ? undefined : this.#options.userAgent.keepAlive?.(peer);
    this.#keepAlive = to === undefined || stop === undefined ? undefined : { to, stop };
  }

  #tell(status: RegistrationStatus): void {
    this.#status = status;
    this.#holdOpen(status.state === 'registered');
    try {
      this.#options.onStatus?.(status);
    } catch (error) {
      this.#options.log.error({ err: toError(error) }, 'a listener of a SIP registration failed');
    }
  }

  async #register(expires: number): Promise<void> {
    const { userAgent, random, registrar, addressOfRecord, credentials, nextHop, contactUriParams } = this.#options;
    const own = ++this.#sent;
    const user = contactUserOf(this.#options);
    const result = await userAgent.request({
      method: 'REGISTER',
      target: registrar,
      from: { uri: addressOfRecord },
      to: { uri: addressOfRecord },
      contact: {
        ...(user === undefined ? {} : { user }),
        ...(contactUriParams === undefined ? {} : { uriParams: contactUriParams }),
        params: `;expires=${String(expires)}`,
      },
      headers: [
        { name: 'Expires', value: String(expires) },
        { name: 'Supported', value: 'path' },
      ],
      series: this.#series,
      ...(credentials === undefined ? {} : { credentials }),
      ...(nextHop === undefined ? {} : { nextHop }),
    });
    if (own !== this.#sent) return;
    this.#answeredBy = result.destination;
    this.#runner.dispatch({ kind: 'answer', answer: readAnswer(result, expires, user), fraction: random.fraction() });
  }
}

function contactUserOf({ contactUser, addressOfRecord }: RegistrationOptions): string | undefined {
  if (contactUser !== undefined) return escapeUser(contactUser);
  const uri = parseUri(addressOfRecord);
  return uri?.scheme === 'sip' || uri?.scheme === 'sips' ? uri.user : undefined;
}

/** Reads the answer to a REGISTER that asked for `asked` seconds with this user part in Contact. */
function readAnswer(result: RequestResult, asked: number, user: string | undefined): RegisterAnswer {
  const all = (name: string): string[] =>
    result.headers.filter((line) => line.name.toLowerCase() === name).flatMap(({ value }) => splitList(value));
  const seconds = (name: string): number | undefined => {
    const digits = /^\d{1,9}/.exec(all(name)[0] ?? '')?.[0];
    return digits === undefined ? undefined : Number(digits);
  };
  if (result.status >= 300) {
    const [minExpires, retryAfter] = [seconds('min-expires'), seconds('retry-after')];
    return {
      kind: 'refused',
      status: result.status,
      reason: result.reason,
      ...(minExpires === undefined ? {} : { minExpires }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  }
  // Section 10.2.4: the answer lists every contact of the address-of-record; ours is among them by its user part.
  const contacts = all('contact')
    .map(parseNameAddr)
    .filter((contact) => contact !== undefined)
    .filter(({ uri }) => user === undefined || ((uri.scheme === 'sip' || uri.scheme === 'sips') && uri.user === user))
    .map(({ params }) => Number(params.get('expires') ?? seconds('expires') ?? asked))
    .filter((expires) => Number.isFinite(expires) && expires >= 0);
  // Others of that user part may be another server's: the shortest life refreshes early, which never harms.
  const granted = contacts.length > 0 ? Math.min(...contacts) : (seconds('expires') ?? asked);
  return {
    kind: 'accepted',
    expires: Math.min(granted, asked === 0 ? 0 : Infinity),
    serviceRoute: all('service-route'),
  };
}
