import type { Directory } from './ports.ts';

/** No account has as many owners above it: what is deeper is a loop. */
const MAX_OWNERS = 16;

/** Whether an account belongs to another one, at any depth. None is below itself. */
export function isBelow(directory: Pick<Directory, 'accountBySid'>, accountSid: string, ownerSid: string): boolean {
  let at = directory.accountBySid(accountSid)?.ownerSid;
  for (let depth = 0; at !== undefined && depth < MAX_OWNERS; depth++) {
    if (at === ownerSid) return true;
    at = directory.accountBySid(at)?.ownerSid;
  }
  return false;
}
