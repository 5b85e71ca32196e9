import type { EventSink } from '../../calls/ports.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import { DigestServer, Registrar, addressOf, partsOfAddress } from '../../sip/index.ts';
import type {
  Binding,
  BindingStore,
  OutOfDialogRequest,
  PhoneDomain,
  PhoneOwner,
  RegistrarChange,
  RequestFacts,
  UserAgent,
} from '../../sip/index.ts';
import type { IngressDecision, PhoneIngress, ScannerGuard } from '../trunks/index.ts';
import { PhoneKeepAlives } from './keep-alives.ts';
import { PhoneAdmission } from './phone-admission.ts';
import type { PhoneConfiguration, PhoneDomainFacts } from './ports.ts';
import { sipUri } from '../sip-uri.ts';
import { phoneRoutes } from './routes.ts';
import type { PhoneRoutes } from './routes.ts';

export interface PhoneServiceParts {
  readonly configuration: PhoneConfiguration;
  /** Not owned. */
  readonly bindings: BindingStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventSink;
  /** This node: only it can use the connections of its phones. */
  readonly node: string;
  /** Counts what passwords are tried with. */
  readonly guard: ScannerGuard;
}

/** SIP phones: their registrations, their calls, and the ways to them. Lifetime: from creation to `close()`. */
export class PhoneService implements PhoneIngress {
  readonly registrar: Registrar;
  readonly #parts: PhoneServiceParts;
  readonly #admission: PhoneAdmission;
  #keepAlives: PhoneKeepAlives | undefined;

  constructor(parts: PhoneServiceParts) {
    const { configuration, bindings, clock, random, log, node, guard } = parts;
    this.#parts = parts;
    const digest = new DigestServer({ random });
    this.registrar = new Registrar({
      store: bindings,
      directory: {
        domain: (host) => this.#domainOf(host),
        secret: (domain, username) => configuration.user(domain.sid, username),
      },
      digest,
      clock,
      random,
      log,
      node,
      onChange: (change, owner) => {
        this.#tell(change, owner);
      },
      onRefused: (request) => {
        guard.check(request.source.address, request.header('User-Agent'));
      },
      onAccepted: (request) => {
        guard.clear(request.source.address);
      },
    });
    this.#admission = new PhoneAdmission({ configuration, digest, clock, guard });
  }

  /** The ways to phones behind NAT are kept open from now on. */
  start(userAgent: Pick<UserAgent, 'keepAlive'>): void {
    const { bindings, clock, node } = this.#parts;
    this.#keepAlives ??= new PhoneKeepAlives({ bindings, userAgent, clock, node });
  }

  /** Whether a request is of one of our domains: then it is answered, strangers or not. */
  knows(request: RequestFacts): boolean {
    if (request.method === 'REGISTER') return this.#domainOf(request.to.host) !== undefined;
    const named = this.#parts.configuration.domain(request.requestUri.host);
    return named !== undefined || this.#domainOf(request.from.host) !== undefined;
  }

  decide(request: RequestFacts, source: { readonly ofTrunk: boolean }): IngressDecision | undefined {
    return this.#admission.decide(request, source);
  }

  /** Takes REGISTER. False for any other method. */
  handle(request: OutOfDialogRequest): boolean {
    return this.registrar.handle(request);
  }

  /** The ways to the phones of a SIP URI; undefined when its domain is none of ours. */
  routes(accountSid: string, uri: string): PhoneRoutes | undefined {
    const { configuration, node } = this.#parts;
    const parts = partsOfAddress(uri);
    const domain = parts === undefined ? undefined : configuration.domain(parts.host);
    if (parts === undefined || domain === undefined) return undefined;
    const user = configuration.user(domain.sid, parts.user);
    const bindings = this.registrar.find(addressOf(parts.user, domain.domain));
    return phoneRoutes({ accountSid, domain, username: parts.user, known: user !== undefined, bindings, node });
  }

  /** Address of the account's user that these parts of a SIP URI name, registered or not; undefined when there is none. */
  extension(accountSid: string, { user, host }: { readonly user: string; readonly host: string }): string | undefined {
    const domain = this.#domainOf(host);
    if (domain?.accountSid !== accountSid) return undefined;
    return this.#parts.configuration.user(domain.sid, user) === undefined ? undefined : sipUri(user, domain.domain);
  }

  /** Whether phones register at this host. */
  serves(host: string): boolean {
    return this.#domainOf(host) !== undefined;
  }

  /** Every registered phone of an account, for people. */
  list(accountSid: string): (ReturnType<typeof factsOf> & { readonly expiresAt: string })[] {
    return this.registrar.list(accountSid).flatMap(({ address, bindings }) =>
      bindings.map((binding) => ({
        ...factsOf(binding, address),
        expiresAt: new Date(binding.expiresAt).toISOString(),
      })),
    );
  }

  /** Idempotent. */
  close(): void {
    this.#keepAlives?.close();
    this.registrar.close();
  }

  #domainOf(host: string): (PhoneDomain & PhoneDomainFacts) | undefined {
    const { configuration } = this.#parts;
    return configuration.domain(host) ?? configuration.addressDomain(host);
  }

  #tell(change: RegistrarChange, { accountSid, address }: PhoneOwner): void {
    const { events } = this.#parts;
    const data = factsOf(change.binding, address);
    if (change.kind === 'registered') {
      const expiresAt = new Date(change.binding.expiresAt).toISOString();
      events.emit({ accountSid, type: 'phone.registered', subject: address, data: { ...data, expiresAt } });
      return;
    }
    const { reason } = change;
    events.emit({ accountSid, type: 'phone.unregistered', subject: address, data: { ...data, reason } });
  }
}

function factsOf(binding: Binding, address: string) {
  const { contact, received, userAgent, instance } = binding;
  const host = received.address.includes(':') ? `[${received.address}]` : received.address;
  return {
    address,
    contact,
    source: `${host}:${String(received.port)}/${received.protocol}`,
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(instance === undefined ? {} : { instance }),
  };
}
