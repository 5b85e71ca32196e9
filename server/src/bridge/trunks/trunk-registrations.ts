import { createHmac } from 'node:crypto';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Log, Random, Unsubscribe } from '../../kernel/index.ts';
import { createRegistration } from '../../sip/index.ts';
import type { Registration, RegistrationOptions, RequestFacts, UserAgent } from '../../sip/index.ts';
import { sipUri, uriHost } from '../sip-uri.ts';
import { gatewayHostPort } from './gateway.ts';
import type { TrunkMetrics } from './metrics.ts';
import type { Trunk, TrunkDirectory } from './ports.ts';

export interface TrunkRegistrationsOptions {
  readonly directory: TrunkDirectory;
  readonly userAgent: Pick<UserAgent, 'request'> & Partial<Pick<UserAgent, 'keepAlive'>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: TrunkMetrics;
}

type Target = Pick<RegistrationOptions, 'registrar' | 'addressOfRecord' | 'credentials' | 'nextHop' | 'expires'>;

interface Running {
  readonly key: string;
  /** In the Contact that we register: what nobody but the carrier knows. */
  readonly line: string;
  readonly registration: Registration;
}

/** Our registrations at the carriers that want one, as the configuration says. Lifetime: from creation to `stop()`. */
export class TrunkRegistrations {
  readonly #options: TrunkRegistrationsOptions;
  /** By trunk; `key` tells whether the configuration has changed. */
  readonly #running = new Map<string, Running>();
  readonly #unfollow: Unsubscribe;

  constructor(options: TrunkRegistrationsOptions) {
    this.#options = options;
    this.#unfollow = options.directory.onChange(({ kind }) => {
      if (kind === 'trunk') this.#follow();
    });
    this.#follow();
  }

  /** Empty while the trunk is not registered. */
  serviceRoute(trunkSid: string): readonly string[] {
    const status = this.#running.get(trunkSid)?.registration.status;
    return status?.state === 'registered' ? status.serviceRoute : [];
  }

  /**
   * The trunk whose carrier sends this call to the Contact that we registered there; undefined: none. It is recognised by
   * the `line` of that Contact, which nobody else knows; or, where a carrier leaves that out, by the user registered and
   * the address that has answered our REGISTER.
   */
  trunkOf(request: Pick<RequestFacts, 'requestUri' | 'source'>): Trunk | undefined {
    if (this.#running.size === 0) return undefined;
    const { requestUri, source } = request;
    const line = /;line=([0-9a-f]{32})(?:[;?]|$)/i.exec(requestUri.uri)?.[1]?.toLowerCase();
    const { directory } = this.#options;
    const isOf = (sid: string, { registration }: Running): boolean =>
      registration.registrar?.address === source.address && directory.trunk(sid)?.register?.user === requestUri.user;
    const all = [...this.#running];
    const named = line === undefined ? undefined : all.find(([, running]) => running.line === line);
    const [sid] = named ?? all.find(([candidate, running]) => isOf(candidate, running)) ?? [];
    return sid === undefined ? undefined : directory.trunk(sid);
  }

  /** For people; undefined: the trunk does not register. */
  describe(trunkSid: string): string | undefined {
    const status = this.#running.get(trunkSid)?.registration.status;
    if (status === undefined) return undefined;
    if (status.state === 'failed') return `failed: ${String(status.status)} ${status.reason}`.trimEnd();
    return status.state;
  }

  /** Takes all of them back; resolves when the carriers have answered, or after a moment. Idempotent. */
  async stop(): Promise<void> {
    this.#unfollow();
    await Promise.all([...this.#running.keys()].map((sid) => this.#end(sid)));
  }

  #follow(): void {
    const wanted = new Map<string, Target>();
    for (const trunk of this.#options.directory.trunks()) {
      const target = registrationOf(trunk);
      if (target !== undefined) wanted.set(trunk.sid, target);
    }
    for (const [sid, { key }] of this.#running) {
      const target = wanted.get(sid);
      if (target === undefined || JSON.stringify(target) !== key) void this.#end(sid);
    }
    for (const [sid, target] of wanted) if (!this.#running.has(sid)) this.#begin(sid, target);
  }

  #begin(sid: string, target: Target): void {
    const { directory, userAgent, clock, random, log, metrics } = this.#options;
    const line = lineOf(sid, target) ?? randomHex(random, 16);
    const registration = createRegistration({
      ...target,
      contactUriParams: `;line=${line}`,
      userAgent,
      clock,
      random,
      log: log.child({ trunk: sid }),
      onStatus: ({ state }) => {
        if (directory.trunk(sid) === undefined) metrics.registered.remove({ trunk: sid });
        else metrics.registered.set(state === 'registered' ? 1 : 0, { trunk: sid });
      },
    });
    this.#running.set(sid, { key: JSON.stringify(target), line, registration });
    registration.start();
  }

  async #end(sid: string): Promise<void> {
    const running = this.#running.get(sid);
    this.#running.delete(sid);
    await running?.registration.stop();
  }
}

/**
 * The same after a restart, so that the carrier replaces the contact that it has and does not ring two; known to nobody
 * because of the password in it. Undefined: there is no password.
 */
function lineOf(sid: string, { credentials, addressOfRecord }: Target): string | undefined {
  if (credentials === undefined) return undefined;
  return createHmac('sha256', credentials.password).update(`${sid} ${addressOfRecord}`).digest('hex').slice(0, 32);
}

/** Where and as whom a trunk registers; undefined: it does not. */
export function registrationOf(trunk: Trunk): Target | undefined {
  const { register, digest, identity } = trunk;
  const [gateway] = trunk.gateways;
  const named = register?.registrar ?? identity.toDomain ?? undefined;
  const domain = named ?? gateway?.host;
  if (register === undefined || domain === undefined) return undefined;
  // Without a name of its own the registrar is the gateway itself, with its port and transport.
  const registrar = named === undefined && gateway !== undefined ? gatewayHostPort(gateway) : uriHost(domain);
  const throughGateway = identity.toDomain !== null && gateway !== undefined;
  return {
    registrar: `sip:${registrar}`,
    addressOfRecord: sipUri(register.user, identity.fromDomain ?? uriHost(domain)),
    expires: register.expiresS,
    ...(throughGateway ? { nextHop: `sip:${gatewayHostPort(gateway)}` } : {}),
    ...(digest === undefined ? {} : { credentials: { username: digest.username, password: digest.secret } }),
  };
}
