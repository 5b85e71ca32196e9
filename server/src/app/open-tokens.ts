import type { EndedTokens, KeySource, RevocationStore } from '../hub/index.ts';
import { NatsRevocationStore } from '../hub/revocation-store.nats.ts';
import { isActive } from '../tenants/index.ts';
import type { Directory, TenantKind } from '../tenants/index.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Tokens taken back, as every process of the cluster knows them. */
export function openRevocations(
  { startup, clock, log }: Platform,
  { bus }: Pick<BusParts, 'bus'>,
): Promise<RevocationStore> {
  return startup.step(
    'token revocations',
    () => NatsRevocationStore.open({ bus, clock, log }),
    (opened) => {
      opened.close();
    },
  );
}

/**
 * What signs tokens, from the tenants' directory: API keys, public keys that accounts
 * registered, and the accounts' auth tokens for capability tokens. An
 * account counts as active when the one that owns it does too.
 */
export function keySource(directory: Directory): KeySource {
  const active = (accountSid: string): boolean => isActive(directory, accountSid);
  return {
    apiKey: (sid) => {
      const key = directory.apiKey(sid);
      return key === undefined ? undefined : { ...key, accountActive: active(key.accountSid) };
    },
    accountKey: (accountSid) => {
      const secret = directory.authToken(accountSid);
      return secret === undefined ? undefined : { secret, accountSid, accountActive: active(accountSid) };
    },
    publicKey: (accountSid, kid) => {
      const key = directory.publicKeyByKid(accountSid, kid);
      return key === undefined ? undefined : { ...key, accountActive: active(accountSid) };
    },
    onEnded: (listener) =>
      directory.onChange(({ kind, sid }) => {
        const ended = kind === 'account' ? ofAccount(directory, sid, active) : ofKey(directory, kind, sid);
        if (ended) listener(ended);
      }),
  };
}

function ofAccount(directory: Directory, sid: string, active: (accountSid: string) => boolean): EndedTokens | false {
  if (active(sid)) return false;
  return {
    disconnect: 'accountInactive',
    hits: ({ accountSid }) =>
      accountSid === sid || (directory.accountBySid(accountSid)?.ownerSid === sid && !active(accountSid)),
  };
}

function ofKey(directory: Directory, kind: TenantKind, sid: string): EndedTokens | false {
  if (kind !== 'apiKey' && kind !== 'publicKey') return false;
  if ((kind === 'apiKey' ? directory.apiKey(sid) : directory.publicKeyBySid(sid)) !== undefined) return false;
  return { disconnect: 'tokenRevoked', hits: ({ keySid }) => keySid === sid };
}
