import type { Clock } from '../../kernel/index.ts';

import type { DigestServer, RequestFacts } from '../../sip/index.ts';
import { refusal } from '../trunks/index.ts';
import type { IngressDecision, Refusal, RefusalKind, ScannerGuard } from '../trunks/index.ts';
import type { PhoneCallerFacts, PhoneConfiguration, PhoneDomainFacts } from './ports.ts';

export interface PhoneAdmissionParts {
  readonly configuration: PhoneConfiguration;
  readonly digest: Pick<DigestServer, 'check'>;
  readonly clock: Clock;
  readonly guard: ScannerGuard;
}

/** What to do about a refused phone: the trunks' own hints would mislead. */
const HINTS: Readonly<Partial<Record<RefusalKind, string>>> = {
  'credentials-wrong': 'compare the password of the phone: hookswitch sip-users show USER',
  'unknown-source': 'add the address to an IP access control list that is mapped to the SIP domain',
  'number-without-application': 'assign an application to the SIP domain: hookswitch sip-domains add --application',
};

/** Whether an INVITE is the call of a SIP phone, and whose. */
export class PhoneAdmission {
  readonly #parts: PhoneAdmissionParts;

  constructor(parts: PhoneAdmissionParts) {
    this.#parts = parts;
  }

  /** Undefined: it is of no domain of ours, or a trunk's call whose caller only looks like one of our users. */
  decide(request: RequestFacts, { ofTrunk }: { readonly ofTrunk: boolean }): IngressDecision | undefined {
    const { configuration, guard } = this.#parts;
    const { address } = request.source;
    const named = configuration.domain(request.from.host);
    const listed = ofTrunk || named !== undefined ? undefined : this.#listedDomain(request);
    const domain = named ?? listed ?? configuration.addressDomain(request.from.host);
    if (domain === undefined) return undefined;
    const user = configuration.caller(domain.sid, request.from.user);
    // Carriers write whatever they like into From: only a user of a domain that is named is taken for a phone then.
    if (user === undefined && listed === undefined && (ofTrunk || named === undefined)) return undefined;
    if (ofTrunk && named === undefined) return undefined;
    if (!ofTrunk && guard.isBlocked(address)) return { kind: 'silent', why: 'blocked', report: undefined };
    const access = configuration.access(domain.sid, address);
    if (access.address === 'refused') {
      guard.check(address, request.header('User-Agent'));
      const problem = `${address} is in no IP access control list of '${domain.domain}'`;
      return refuse(request, domain, hinted('unknown-source', problem));
    }
    // The address is enough where nothing else is asked for. Users of the domain alone have their passwords all the same.
    if (access.address === 'allowed' && access.credentials === undefined && user === undefined) {
      return this.#admit(request, domain, { from: callerOf(request) });
    }
    return this.#challenge(request, domain, user);
  }

  /** A domain that is called with lists of who may: whatever From says, as exchanges do it. */
  #listedDomain(request: RequestFacts): PhoneDomainFacts | undefined {
    const { configuration } = this.#parts;
    const domain = configuration.domain(request.requestUri.host);
    if (domain === undefined) return undefined;
    const { address, credentials } = configuration.access(domain.sid, request.source.address);
    return address === undefined && credentials === undefined ? undefined : domain;
  }

  #challenge(request: RequestFacts, domain: PhoneDomainFacts, user: PhoneCallerFacts | undefined): IngressDecision {
    const { configuration, digest, clock, guard } = this.#parts;
    const { address } = request.source;
    const verdict = digest.check(request, {
      realm: domain.domain,
      now: clock.now(),
      secretOf: (username) => configuration.caller(domain.sid, username),
    });
    if (verdict.kind === 'bad') return refuse(request, domain, hinted('credentials-malformed', verdict.reason));
    if (verdict.kind === 'ok') return this.#authenticated(request, domain, { user, username: verdict.username });
    if (!verdict.refused) {
      return { kind: 'challenge', refusal: refusal('credentials-needed', verdict.reason, verdict.headers) };
    }
    guard.check(address, request.header('User-Agent'));
    const problem = `${address} presented ${verdict.reason} for a phone of '${domain.domain}'`;
    return refuse(request, domain, hinted('credentials-wrong', problem));
  }

  #authenticated(
    request: RequestFacts,
    domain: PhoneDomainFacts,
    { user, username }: { readonly user: PhoneCallerFacts | undefined; readonly username: string },
  ): IngressDecision {
    if (user?.username === username) {
      return this.#admit(request, domain, { from: user.callerNumber ?? `sip:${username}@${domain.domain}`, username });
    }
    if (this.#parts.configuration.caller(domain.sid, username)?.listed === true) {
      return this.#admit(request, domain, { from: callerOf(request), username });
    }
    const problem = `'${username}' authenticated and calls as '${request.from.user}'@${domain.domain}`;
    return refuse(request, domain, hinted('credentials-wrong', problem));
  }

  #admit(
    request: RequestFacts,
    domain: PhoneDomainFacts,
    { from, username }: { readonly from: string; readonly username?: string },
  ): IngressDecision {
    const { configuration, guard } = this.#parts;
    const { accountSid, applicationSid } = domain;
    guard.clear(request.source.address);
    if (!configuration.accountActive(accountSid)) {
      return refuse(request, domain, hinted('account-inactive', `account ${accountSid} is not active`));
    }
    if (applicationSid === undefined) {
      const problem = `SIP domain '${domain.domain}' has no application, or it was deleted`;
      return refuse(request, domain, hinted('number-without-application', problem));
    }
    const admission = {
      admitted: true,
      accountSid,
      applicationSid,
      domain: { sid: domain.sid, name: domain.domain, username },
      from,
      to: calledParty(request, domain),
    } as const;
    // Straight from the phone: its Contact may be unreachable, the way that the INVITE came is not.
    return { kind: 'admit', admission, keepFlow: isDirect(request) };
  }
}

/** A number as such, anybody else as a SIP URI. */
function callerOf({ from: { user, host } }: RequestFacts): string {
  return /^\+[0-9]{3,15}$/.test(user) ? user : `sip:${user}@${host.toLowerCase()}`;
}

/** A number as it was dialled, anything else as a SIP URI. */
function calledParty(request: RequestFacts, domain: PhoneDomainFacts): string {
  const { user, host } = request.requestUri;
  if (/^\+?[0-9*#]{2,32}$/.test(user)) return user;
  return `sip:${user}@${/^[\d.]+$|:/.test(host) ? domain.domain : host.toLowerCase()}`;
}

function hinted(kind: RefusalKind, problem: string): Refusal {
  const refused = refusal(kind, problem);
  return { ...refused, hint: HINTS[kind] ?? refused.hint };
}

function refuse(request: RequestFacts, { accountSid }: PhoneDomainFacts, why: Refusal): IngressDecision {
  return { kind: 'refuse', refusal: why, facts: { accountSid, from: request.from.uri, to: request.requestUri.user } };
}

function isDirect(request: RequestFacts): boolean {
  const vias = request.headers().filter(({ name }) => name.toLowerCase() === 'via');
  return vias.length === 1 && vias[0]?.value.includes(',') === false;
}
