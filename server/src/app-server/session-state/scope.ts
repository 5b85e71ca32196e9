import type { SessionKey } from '../ports.ts';
import type { SessionScope } from './ports.ts';

/** What stands for a caller that is withheld; the numbers spell ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE. */
const NOBODY = new Set([
  ...['', 'anonymous', 'restricted', 'blocked', 'private', 'unknown', 'unavailable', 'withheld'],
  ...['+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253', '+464'],
]);

/** Whose session a request belongs to. */
export function scopeOf({ accountSid, callSid, from, to }: SessionKey): SessionScope {
  return isSomebody(from) && isSomebody(to)
    ? { kind: 'pair', accountSid, from, to }
    : { kind: 'call', accountSid, callSid };
}

function isSomebody(party: string): boolean {
  const user = /^sips?:([^@;]*)@/i.exec(party)?.[1] ?? party;
  return !NOBODY.has(user.trim().toLowerCase());
}

/** Texts that name it within all accounts. */
export function scopeParts(scope: SessionScope): readonly string[] {
  return scope.kind === 'pair'
    ? [scope.accountSid, 'pair', scope.from, scope.to]
    : [scope.accountSid, 'call', scope.callSid];
}

export function scopeOfParts(parts: readonly string[]): SessionScope | undefined {
  const [accountSid, kind, one, two] = parts;
  if (accountSid === undefined || one === undefined) return undefined;
  if (kind === 'call' && parts.length === 3) return { kind, accountSid, callSid: one };
  return kind === 'pair' && two !== undefined && parts.length === 4
    ? { kind, accountSid, from: one, to: two }
    : undefined;
}

export function scopeText(scope: SessionScope): string {
  return JSON.stringify(scopeParts(scope));
}

/** Name of a session within its account, for addresses. */
export function sessionId(scope: SessionScope): string {
  return Buffer.from(JSON.stringify(scopeParts(scope).slice(1))).toString('base64url');
}

/** Undefined for what is no name of a session. */
export function scopeOfId(accountSid: string, id: string): SessionScope | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(id, 'base64url').toString());
    if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined;
    return scopeOfParts([accountSid, ...parts]);
  } catch {
    return undefined;
  }
}
