import { sameUri } from './contact.ts';
import type { ContactValue } from './contact.ts';
import type { Binding, RegistrarChange } from './ports.ts';

export interface RegistrarPolicy {
  /** Life of a binding that asks for none, seconds (default 3600). */
  readonly defaultExpires: number;
  /** Shortest life, seconds: less is refused with 423 (default 60). */
  readonly minExpires: number;
  /** Longest life, seconds: more is cut (default 7200). */
  readonly maxExpires: number;
  /** Most contacts of one address-of-record (default 10): more is refused with 403. */
  readonly maxContacts: number;
  /** What to do with Path from a phone that does not say that it supports it: 421, or take it (default `refuse`). */
  readonly unannouncedPath: 'refuse' | 'take';
}

export const DEFAULT_POLICY: RegistrarPolicy = {
  defaultExpires: 3600,
  minExpires: 60,
  maxExpires: 7200,
  maxContacts: 10,
  unannouncedPath: 'refuse',
};

/** A REGISTER that was authenticated, as far as bindings are concerned. */
export interface RegisterFacts {
  readonly callId: string;
  readonly cseq: number;
  readonly contacts: readonly ContactValue[] | '*';
  /** The Expires header, seconds. */
  readonly expires: number | undefined;
  /** What every binding made by this request gets. */
  readonly origin: Pick<Binding, 'path' | 'received' | 'node' | 'userAgent'>;
  /** Whether requests for this contact have to take the way that the REGISTER came. */
  readonly overFlow: (contactUri: string) => boolean;
}

export type RegisterOutcome =
  | { readonly ok: true; readonly bindings: readonly Binding[]; readonly changes: readonly RegistrarChange[] }
  | { readonly ok: false; readonly status: number; readonly reason: string; readonly minExpires?: number };

/**
 * What a REGISTER makes of the bindings of its address-of-record (RFC 3261 section 10.3 steps 6 and 7): all of it, or
 * nothing. `current` may hold expired bindings; they count as gone.
 */
export function register(
  facts: RegisterFacts,
  current: readonly Binding[],
  { policy, now }: { readonly policy: RegistrarPolicy; readonly now: number },
): RegisterOutcome {
  const alive = current.filter((binding) => binding.expiresAt > now);
  const changes: RegistrarChange[] = current
    .filter((binding) => binding.expiresAt <= now)
    .map((binding) => ({ kind: 'unregistered', binding, reason: 'expired' }));
  if (facts.contacts === '*') return removeAll(facts, alive, changes);
  let bindings = alive;
  for (const contact of facts.contacts) {
    const asked = contact.expires ?? facts.expires ?? policy.defaultExpires;
    // Step 7: too short is refused, but never above an hour.
    if (asked > 0 && asked < policy.minExpires && asked < 3600)
      return { ok: false, status: 423, reason: 'Interval Too Brief', minExpires: policy.minExpires };
    const held = bindings.filter((binding) => isSameContact(binding, contact));
    if (held.some((binding) => isOld(facts, binding))) return OUT_OF_ORDER;
    const rest = bindings.filter((binding) => !held.includes(binding));
    if (asked === 0) {
      bindings = rest;
      for (const binding of held) changes.push({ kind: 'unregistered', binding, reason: 'unregistered' });
      continue;
    }
    const life = Math.min(asked, policy.maxExpires) * 1000;
    const made = bindingOf(facts, contact, { expiresAt: now + life, since: held[0]?.since ?? now });
    // Another contact of the same device takes the place of its old one (RFC 5626 section 6).
    const moved = held.filter((binding) => !sameUri(binding.contact, contact.uri));
    for (const binding of moved) changes.push({ kind: 'unregistered', binding, reason: 'replaced' });
    if (moved.length === held.length) changes.push({ kind: 'registered', binding: made });
    bindings = [...rest, made];
  }
  if (bindings.length > policy.maxContacts && bindings.length > alive.length)
    return {
      ok: false,
      status: 403,
      reason: `Too Many Contacts (at most ${String(policy.maxContacts)}; remove one or wait until it expires)`,
    };
  return { ok: true, bindings, changes };
}

const OUT_OF_ORDER: RegisterOutcome = { ok: false, status: 500, reason: 'REGISTER Out Of Order (CSeq)' };

/** Step 7: an older request of the same series must not undo a newer one. */
function isOld(facts: RegisterFacts, binding: Binding): boolean {
  return binding.callId === facts.callId && binding.cseq >= facts.cseq;
}

function removeAll(
  facts: RegisterFacts,
  alive: readonly Binding[],
  changes: readonly RegistrarChange[],
): RegisterOutcome {
  // Step 6.
  if (facts.expires !== 0) return { ok: false, status: 400, reason: 'Contact * Needs Expires 0' };
  if (alive.some((binding) => isOld(facts, binding))) return OUT_OF_ORDER;
  const removed = alive.map((binding) => ({ kind: 'unregistered', binding, reason: 'unregistered' }) as const);
  return { ok: true, bindings: [], changes: [...changes, ...removed] };
}

/** Same URI, or the same device and flow (RFC 5626 section 6); a device without `reg-id` has one flow. */
function isSameContact(binding: Binding, contact: ContactValue): boolean {
  if (contact.instance !== undefined && contact.instance === binding.instance && contact.regId === binding.regId)
    return true;
  return contact.regId === undefined && sameUri(binding.contact, contact.uri);
}

function bindingOf(facts: RegisterFacts, contact: ContactValue, life: Pick<Binding, 'expiresAt' | 'since'>): Binding {
  return {
    ...facts.origin,
    ...life,
    contact: contact.uri,
    q: contact.q,
    callId: facts.callId,
    cseq: facts.cseq,
    ...(contact.instance === undefined ? {} : { instance: contact.instance }),
    ...(contact.regId === undefined ? {} : { regId: contact.regId }),
    overFlow: facts.overFlow(contact.uri),
  };
}
