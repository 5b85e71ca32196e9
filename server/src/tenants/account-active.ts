import type { Directory } from './ports.ts';

/** Whether an account may do anything: it is active, and so is the one that owns it. */
export function isActive(directory: Pick<Directory, 'accountBySid'>, accountSid: string): boolean {
  const account = directory.accountBySid(accountSid);
  if (account?.status !== 'active') return false;
  return account.ownerSid === undefined || directory.accountBySid(account.ownerSid)?.status === 'active';
}
