import type { TenantStore } from '../../tenants/index.ts';
import type { CommandLine, OptionSpec } from './command-line.ts';
import { UsageError } from './usage-error.ts';

export const accountOption: OptionSpec = { value: 'AC...', help: 'account (default: the only active one)' };

/** Sid of the application in `--application`, else the account's only one; null when there is none or a choice. */
export async function applicationOf(store: TenantStore, line: CommandLine, account: string): Promise<string | null> {
  const given = line.get('application');
  if (given !== undefined) return given;
  const own = await store.applications(account);
  return own.length === 1 ? (own[0]?.sid ?? null) : null;
}

/** @throws UsageError when there is a choice and none was made */
export async function accountOf(store: TenantStore, line: CommandLine): Promise<string> {
  const given = line.get('account');
  if (given !== undefined) return given;
  const active = (await store.accounts()).filter(({ status }) => status === 'active');
  const [only] = active;
  if (only !== undefined && active.length === 1) return only.sid;
  throw new UsageError(
    'usage',
    active.length === 0
      ? 'there is no active account: make one with `hookswitch accounts create --name NAME`'
      : 'there are several accounts: name one with --account (see `hookswitch accounts list`)',
  );
}
