import type { CallRouter, SipAdmission } from '../../calls/ports.ts';
import type { Clock } from '../../kernel/index.ts';
import type { DigestServer, DigestVerdict, RequestFacts } from '../../sip/index.ts';
import { callerOf } from './identity.ts';
import { numberIn } from './normalise.ts';
import type { Trunk } from './ports.ts';
import { refusal } from './refusals.ts';
import type { Refusal } from './refusals.ts';
import type { ScannerGuard } from './scanner-guard.ts';
import type { TrunkService } from './trunk-service.ts';

type Admitted = Extract<SipAdmission, { admitted: true }>;

/** What to do with an INVITE. */
export type IngressDecision =
  | {
      readonly kind: 'admit';
      readonly admission: Admitted;
      /** Requests inside the dialog go back to where the INVITE came from. */
      readonly keepFlow?: boolean;
    }
  | {
      readonly kind: 'refuse';
      readonly refusal: Refusal;
      /** Whose call it would have been, and between whom, where that is known. */
      readonly facts: {
        readonly accountSid?: string;
        readonly trunkSid?: string;
        readonly from: string;
        readonly to: string;
      };
    }
  /** A step of digest authentication, not a refusal: answered, not reported. */
  | { readonly kind: 'challenge'; readonly refusal: Refusal }
  /** Nothing is answered. `report` says what to log; undefined: it was logged already. */
  | { readonly kind: 'silent'; readonly why: string; readonly report: string | undefined };

/** Calls of registered phones. */
export interface PhoneIngress {
  /**
   * Undefined: of no domain that phones register at, so that the next check decides.
   *
   * @param source.ofTrunk the address alone is enough for a trunk: only what certainly is a phone's call is decided
   */
  decide(request: RequestFacts, source: { readonly ofTrunk: boolean }): IngressDecision | undefined;
  /** Whether a request is of one of our domains: then it is answered, strangers or not. */
  knows(request: RequestFacts): boolean;
}

export interface IngressPolicyParts {
  /** Whether calls are taken now. */
  gate(): boolean;
  /** Whether one more call is allowed beside those that there are. */
  hasRoom(): boolean;
  readonly trunks: TrunkService;
  readonly guard: ScannerGuard;
  /** Checks what carriers present. */
  readonly digest: Pick<DigestServer, 'check'>;
  readonly clock: Clock;
  readonly phones: PhoneIngress | undefined;
  /** Account whose call an INVITE with Replaces asks for; undefined when there is no such call. */
  accountOfReplaced(replaces: string): string | undefined;
  /** Known when calls come. */
  router(): Pick<CallRouter, 'admitSip'>;
}

/** Undefined: the next check decides. */
type Check = (request: RequestFacts, found: Found) => IngressDecision | undefined;

/** Realm that trunks authenticate for. Phones have the realms of their domains. */
const TRUNK_REALM = 'hookswitch';

/** What the checks learn on the way. */
interface Found {
  trunks: readonly Trunk[];
}

/**
 * Whether an INVITE is taken: gate, source, phone, digest, stranger, takeover, number; one small check each, in this order. The
 * first that decides ends it. Channels are taken when the call is really accepted, not here.
 */
export class IngressPolicy {
  readonly #parts: IngressPolicyParts;
  readonly #checks: readonly Check[];

  constructor(parts: IngressPolicyParts) {
    this.#parts = parts;
    this.#checks = [
      () => this.#gate(),
      (request, found) => {
        found.trunks = parts.trunks.sourcesOf(request);
        return undefined;
      },
      (request, found) => this.#phone(request, found),
      (request, found) => this.#digest(request, found),
      (request, found) => this.#stranger(request, found),
      (request, found) => this.#takeover(request, found),
      (request, found) => this.#number(request, found),
    ];
  }

  decide(request: RequestFacts): IngressDecision {
    const found: Found = { trunks: [] };
    for (const check of this.#checks) {
      const decision = check(request, found);
      if (decision !== undefined) return this.#roomFor(decision, request);
    }
    return refuse(refusal('internal', 'no check decided about the call'), request);
  }

  /**
   * Whether a request that is no call is to be left unanswered: of a scanner, or of a stranger where strangers are ignored.
   * Nothing is counted: load balancers ask too.
   */
  ignores(request: RequestFacts): boolean {
    const { address } = request.source;
    const { guard, trunks } = this.#parts;
    if (trunks.sourcesOf(request).length > 0) return false;
    if (guard.isBlocked(address) || guard.isScanner(request.header('User-Agent'))) return true;
    return guard.ignoresAll && this.#parts.phones?.knows(request) !== true;
  }

  #gate(): IngressDecision | undefined {
    if (this.#parts.gate()) return undefined;
    const shuttingDown = refusal('shutting-down', 'a call came while the server starts or stops');
    return { kind: 'refuse', refusal: shuttingDown, facts: { from: '', to: '' } };
  }

  /** One call that takes another's place makes them no more. */
  #roomFor(decision: IngressDecision, request: RequestFacts): IngressDecision {
    if (decision.kind !== 'admit' || this.#parts.hasRoom() || request.header('Replaces') !== undefined) return decision;
    const { accountSid, trunkSid, from, to } = decision.admission;
    const facts = { accountSid, ...(trunkSid === undefined ? {} : { trunkSid }), from, to };
    return { kind: 'refuse', refusal: refusal('node-full', 'this node has all the legs that it may have'), facts };
  }

  #phone(request: RequestFacts, found: Found): IngressDecision | undefined {
    return this.#parts.phones?.decide(request, { ofTrunk: openTrunks(found).length > 0 });
  }

  /** Trunks with inbound credentials: their address is not enough, or they have none. */
  #digest(request: RequestFacts, found: Found): IngressDecision | undefined {
    const open = openTrunks(found);
    const asked = found.trunks.filter(({ inbound }) => inbound !== undefined);
    const [known] = asked;
    found.trunks = open;
    if (known === undefined && !this.#anyRoaming()) return undefined;
    const { verdict, trunks, username } = this.#judge(request, asked);
    if (verdict.kind === 'ok') {
      this.#parts.guard.clear(request.source.address);
      found.trunks = [...trunks, ...open];
      return undefined;
    }
    // The address is enough for one of its trunks: whatever was presented besides was for somebody else.
    if (open.length > 0) return undefined;
    // What passwords are tried with is counted like any other stranger's request.
    const silent = known === undefined ? this.#silenced(request) : undefined;
    if (silent !== undefined) return silent;
    if (verdict.kind === 'bad') return refuse(refusal('credentials-malformed', verdict.reason), request, known);
    const { headers } = verdict;
    if (!verdict.refused) {
      return { kind: 'challenge', refusal: refusal('credentials-needed', verdict.reason, headers) };
    }
    const { address } = request.source;
    const problem = `${address} presented ${verdict.reason} for the inbound user '${username}'`;
    return refuse(refusal('credentials-wrong', problem), request, known);
  }

  /** Several trunks may have the same user with different secrets: the one whose secret fits is meant. */
  #judge(
    request: RequestFacts,
    asked: readonly Trunk[],
  ): { readonly verdict: DigestVerdict; readonly trunks: readonly Trunk[]; readonly username: string } {
    const { digest, clock, trunks } = this.#parts;
    for (let at = 0; ; at++) {
      let named = '';
      let candidates: readonly Trunk[] = [];
      let secrets: readonly string[] = [];
      const verdict = digest.check(request, {
        realm: TRUNK_REALM,
        now: clock.now(),
        secretOf: (username) => {
          named = username;
          candidates = trunks.directory
            .trunksByInboundUser(username)
            .filter(({ allow, sid }) => allow.length === 0 || asked.some((trunk) => trunk.sid === sid));
          secrets = [...new Set(candidates.flatMap(({ inbound }) => inbound?.secret ?? []))];
          const password = secrets[at];
          return password === undefined ? undefined : { password };
        },
      });
      if (verdict.kind === 'challenge' && verdict.refused && at + 1 < secrets.length) continue;
      const fitting = candidates.filter(({ inbound }) => inbound?.secret === secrets[at]);
      return { verdict, trunks: fitting, username: named };
    }
  }

  #anyRoaming(): boolean {
    return this.#parts.trunks.directory
      .trunks()
      .some(({ inbound, allow }) => inbound !== undefined && allow.length === 0);
  }

  #stranger(request: RequestFacts, found: Found): IngressDecision | undefined {
    if (found.trunks.length > 0) return undefined;
    const silent = this.#silenced(request);
    if (silent !== undefined) return silent;
    const { address } = request.source;
    return refuse(refusal('unknown-source', `no trunk allows calls from ${address}`), request);
  }

  #silenced(request: RequestFacts): IngressDecision | undefined {
    const { address } = request.source;
    const verdict = this.#parts.guard.check(address, request.header('User-Agent'));
    if (verdict.kind === 'refuse') return undefined;
    const because = {
      policy: 'unknown peers are ignored',
      scanner: 'its user agent is that of a scanner',
      'too-many': 'it sends too many calls',
      blocked: 'it is blocked for a while',
    }[verdict.why];
    const report = verdict.first
      ? `calls from ${address} are left unanswered: no trunk allows it, and ${because}`
      : undefined;
    return { kind: 'silent', why: verdict.why, report };
  }

  /** RFC 3891: it comes to a Contact of ours and not to a number, and the call is there already. */
  #takeover(request: RequestFacts, found: Found): IngressDecision | undefined {
    const replaces = request.header('Replaces');
    const accountSid = replaces === undefined ? undefined : this.#parts.accountOfReplaced(replaces);
    if (accountSid === undefined) return undefined;
    const trunk = found.trunks.find(({ sid }) => this.#parts.trunks.trunk(accountSid, sid) !== undefined);
    if (trunk === undefined) return undefined;
    const { from } = callerOf(request, trunk);
    const to = request.requestUri.user;
    // No application is asked: the call goes on with the instructions that it has.
    const admission = { admitted: true, accountSid, trunkSid: trunk.sid, applicationSid: '', from, to } as const;
    return { kind: 'admit', admission };
  }

  #number(request: RequestFacts, found: Found): IngressDecision {
    const calledUser = request.requestUri.user;
    const candidates = found.trunks.map((trunk) => ({
      trunkSid: trunk.sid,
      accountSid: trunk.accountSid,
      shared: trunk.sharing === 'subaccounts',
      from: callerOf(request, trunk).from,
      // To a contact that we registered the Request-URI names the account; the number called is in To.
      to: numberIn(calledUser === trunk.register?.user ? request.to.user : calledUser, trunk.numbers),
    }));
    const sourceIp = request.source.address;
    const admission = this.#parts.router().admitSip({ sourceIp, calledUser, candidates });
    if (admission.admitted) return { kind: 'admit', admission };
    const { kind, problem } = admission;
    return { kind: 'refuse', refusal: refusal(kind, problem), facts: admission };
  }
}

function openTrunks(found: Found): readonly Trunk[] {
  return found.trunks.filter(({ inbound }) => inbound === undefined);
}

function trunkFacts({ accountSid, sid }: Trunk): { readonly accountSid: string; readonly trunkSid: string } {
  return { accountSid, trunkSid: sid };
}

function refuse(refused: Refusal, request: RequestFacts, trunk?: Trunk): IngressDecision {
  const whose = trunk === undefined ? {} : trunkFacts(trunk);
  return {
    kind: 'refuse',
    refusal: refused,
    facts: { ...whose, from: request.from.user, to: request.requestUri.user },
  };
}
