import { describeError } from '../../kernel/index.ts';
import type { Clock, Log, Random, Timer } from '../../kernel/index.ts';
import type { DigestServer } from '../digest/index.ts';
import { parseUri, unescapeUser } from '../message/index.ts';
import type { HeaderField, OutOfDialogRequest } from '../user-agent/api.ts';
import type { Binding, BindingStore, PhoneDirectory, PhoneDomain, RegistrarChange } from './ports.ts';
import { readRegister, unsupportedExtensions } from './read.ts';
import type { ReadRegister } from './read.ts';
import { DEFAULT_POLICY, register } from './register.ts';
import type { RegisterOutcome, RegistrarPolicy } from './register.ts';

export interface RegistrarOptions {
  readonly store: BindingStore;
  readonly directory: PhoneDirectory;
  readonly digest: DigestServer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** This process: connections mean something only where they are. */
  readonly node: string;
  readonly policy?: Partial<RegistrarPolicy>;
  /** Hears of contacts that came and went, by `domain` and user. What it throws is logged. */
  readonly onChange?: (change: RegistrarChange, owner: PhoneOwner) => void;
  /** Wrong credentials, or a domain that is none of ours: for whoever counts attempts. */
  readonly onRefused?: (request: OutOfDialogRequest) => void;
  /** Right credentials. */
  readonly onAccepted?: (request: OutOfDialogRequest) => void;
}

/** Whose contact it is. */
export interface PhoneOwner {
  readonly accountSid: string;
  /** `user@domain`. */
  readonly address: string;
}

/** How often expired contacts are looked for, milliseconds. They are not found from the moment they expire. */
const SWEEP_MS = 5_000;
/** How often a REGISTER is tried when others for the same address-of-record get in between. */
const MAX_ATTEMPTS = 5;

/**
 * The registrar of our SIP domains (RFC 3261 section 10.3). Lifetime: from creation to `close()`; it owns neither store
 * nor user agent.
 */
export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #policy: RegistrarPolicy;
  #sweep: Timer | undefined;
  #closed = false;

  constructor(options: RegistrarOptions) {
    this.#options = options;
    this.#policy = { ...DEFAULT_POLICY, ...options.policy };
    this.#scheduleSweep();
  }

  /** Contacts of `user@domain` that have not expired, the preferred and then the oldest ones first. */
  find(address: string): readonly Binding[] {
    const now = this.#options.clock.now();
    const alive = (this.#options.store.find(address)?.bindings ?? []).filter(({ expiresAt }) => expiresAt > now);
    return alive.sort((a, b) => b.q - a.q || a.since - b.since);
  }

  /** Every address-of-record that has contacts, with those that have not expired. */
  list(accountSid: string): { readonly address: string; readonly bindings: readonly Binding[] }[] {
    const records = [...this.#options.store.all()].filter((record) => record.accountSid === accountSid);
    return records
      .map(({ address }) => ({ address, bindings: this.find(address) }))
      .filter(({ bindings }) => bindings.length > 0);
  }

  /** Takes REGISTER and answers it; false for any other method. */
  handle(request: OutOfDialogRequest): boolean {
    if (request.method !== 'REGISTER') return false;
    this.#register(request).catch((error: unknown) => {
      this.#options.log.error({ err: error }, `a REGISTER could not be served: ${describeError(error)}`);
      // The store is away: later, and not all phones at once.
      const wait = String(5 + this.#options.random.int(25));
      request.respond(503, { headers: [{ name: 'Retry-After', value: wait }] });
    });
    return true;
  }

  /** Stops looking for expired contacts. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#sweep?.cancel();
  }

  async #register(request: OutOfDialogRequest): Promise<void> {
    const refused = unsupportedExtensions(request);
    if (refused !== undefined) {
      request.respond(refused.status, refused);
      return;
    }
    const owner = this.#authenticate(request);
    if (owner === undefined) return;
    const read = readRegister(request, { node: this.#options.node, policy: this.#policy });
    if ('status' in read) {
      this.#refuse(request, read);
      return;
    }
    const outcome = await this.#apply(owner, read);
    if (outcome.ok) this.#accept(request, read, outcome.bindings);
    else {
      const { minExpires } = outcome;
      this.#refuse(request, {
        ...outcome,
        ...(minExpires === undefined ? {} : { headers: [{ name: 'Min-Expires', value: String(minExpires) }] }),
      });
    }
  }

  /** Steps 1, 3, 4 and 5: our domain, and who it is. Answers and returns undefined when it is not to go on. */
  #authenticate(request: OutOfDialogRequest): PhoneOwner | undefined {
    const { directory, digest, clock, log } = this.#options;
    const domain = directory.domain(request.to.host);
    const source = request.source.address;
    if (domain === undefined || !domain.registration) {
      const reason = domain === undefined ? 'Not Found (no such SIP domain here)' : 'Forbidden (no registration here)';
      log.warn({ source, domain: request.to.host.slice(0, 128) }, `REGISTER refused: ${reason}`);
      request.respond(domain === undefined ? 404 : 403, { reason });
      this.#options.onRefused?.(request);
      return undefined;
    }
    const verdict = digest.check(request, {
      realm: domain.domain,
      now: clock.now(),
      secretOf: (username) => directory.secret(domain, username),
    });
    switch (verdict.kind) {
      case 'bad':
        this.#refuse(request, { status: 400, reason: `Bad Request (${verdict.reason})` });
        return undefined;
      case 'challenge':
        if (verdict.refused) {
          log.warn({ source, domain: domain.domain }, `REGISTER refused: ${verdict.reason}`);
          this.#options.onRefused?.(request);
        }
        request.respond(401, { headers: verdict.headers });
        return undefined;
      case 'ok':
        this.#options.onAccepted?.(request);
        return this.#authorize(request, domain, verdict.username);
    }
  }

  /** Step 4: everybody may register himself, nobody somebody else. */
  #authorize(request: OutOfDialogRequest, domain: PhoneDomain, username: string): PhoneOwner | undefined {
    if (request.to.user === username) {
      return { accountSid: domain.accountSid, address: addressOf(username, domain.domain) };
    }
    this.#refuse(request, { status: 403, reason: 'Forbidden (To is not the user who authenticated)' });
    return undefined;
  }

  /** Steps 6 and 7, all or nothing: again from the start when somebody else wrote in between. */
  async #apply(owner: PhoneOwner, read: ReadRegister): Promise<RegisterOutcome> {
    const { store, clock } = this.#options;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const held = await store.read(owner.address);
      const outcome = register(read.facts, held?.bindings ?? [], { policy: this.#policy, now: clock.now() });
      if (!outcome.ok) return outcome;
      const queried = read.facts.contacts.length === 0 && outcome.changes.length === 0;
      if (queried || (await store.write({ ...owner, bindings: outcome.bindings }, held?.revision))) {
        for (const change of outcome.changes) this.#tell(change, owner);
        return outcome;
      }
    }
    return { ok: false, status: 500, reason: 'Server Internal Error (too many REGISTERs at once)' };
  }

  /** Step 8. */
  #accept(request: OutOfDialogRequest, read: ReadRegister, bindings: readonly Binding[]): void {
    const now = this.#options.clock.now();
    const headers: HeaderField[] = bindings.map((binding) => ({ name: 'Contact', value: contactOf(binding, now) }));
    for (const value of read.path) headers.push({ name: 'Path', value });
    headers.push({ name: 'Date', value: new Date(now).toUTCString() });
    headers.push({ name: 'Supported', value: 'path, outbound' });
    if (read.outbound) {
      // RFC 5626 sections 5.4 and 6: it may expect us to use its flow, and has to keep it alive.
      headers.push({ name: 'Require', value: 'outbound' }, { name: 'Flow-Timer', value: '120' });
    }
    request.respond(200, { headers });
  }

  #refuse(
    request: OutOfDialogRequest,
    refused: { readonly status: number; readonly reason: string; readonly headers?: readonly HeaderField[] },
  ): void {
    const { status, reason } = refused;
    this.#options.log.warn({ source: request.source.address, status }, `REGISTER refused: ${reason}`);
    request.respond(status, refused);
  }

  #tell(change: RegistrarChange, owner: PhoneOwner): void {
    const { log, onChange } = this.#options;
    const { binding, kind } = change;
    const why = kind === 'unregistered' ? { reason: change.reason } : {};
    log.info({ address: owner.address, contact: binding.contact, ...why }, `phone ${kind}`);
    try {
      onChange?.(change, { accountSid: owner.accountSid, address: owner.address });
    } catch (error) {
      log.error({ err: error }, 'a listener of the SIP registrar failed');
    }
  }

  #scheduleSweep(): void {
    if (this.#closed) return;
    this.#sweep = this.#options.clock.setTimer(SWEEP_MS, () => {
      this.#removeExpired()
        .catch((error: unknown) => {
          this.#options.log.warn({ reason: describeError(error) }, 'expired registrations are not removed yet');
        })
        .finally(() => {
          this.#scheduleSweep();
        });
    });
  }

  /** Every process looks; the one whose write wins tells of it. */
  async #removeExpired(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const due = [...store.all()].filter(({ bindings }) => bindings.some(({ expiresAt }) => expiresAt <= now));
    for (const { address } of due) {
      const held = await store.read(address);
      if (held === undefined) continue;
      const expired = held.bindings.filter(({ expiresAt }) => expiresAt <= now);
      const bindings = held.bindings.filter((binding) => !expired.includes(binding));
      if (expired.length === 0 || !(await store.write({ ...held, bindings }, held.revision))) continue;
      for (const binding of expired) this.#tell({ kind: 'unregistered', binding, reason: 'expired' }, held);
    }
  }
}

/** Key of an address-of-record. */
export function addressOf(user: string, domain: string): string {
  return `${user}@${domain.toLowerCase()}`;
}

/** User and host of a SIP URI, escapes decoded; undefined for anything else. */
export function partsOfAddress(uri: string): { readonly user: string; readonly host: string } | undefined {
  const parsed = parseUri(uri);
  if (parsed?.scheme !== 'sip' && parsed?.scheme !== 'sips') return undefined;
  return parsed.user === undefined ? undefined : { user: unescapeUser(parsed.user), host: parsed.host.toLowerCase() };
}

function contactOf(binding: Binding, now: number): string {
  const seconds = Math.max(0, Math.ceil((binding.expiresAt - now) / 1000));
  const q = binding.q === 1 ? '' : `;q=${String(Number(binding.q.toFixed(3)))}`;
  const instance =
    binding.instance === undefined ? '' : `;+sip.instance="${binding.instance.replace(/["\\]/g, '\\$&')}"`;
  const regId = binding.regId === undefined ? '' : `;reg-id=${String(binding.regId)}`;
  return `<${binding.contact}>;expires=${String(seconds)}${q}${instance}${regId}`;
}
