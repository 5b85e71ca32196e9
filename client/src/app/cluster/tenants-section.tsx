import { useState } from 'react';
import type { ReactElement } from 'react';
import type { Tenant, TenantList } from '@hookswitch/shared';
import { formatCount, plural, shortSid } from './cluster-format.ts';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { Badge, Confirm, Section, Share } from './parts.tsx';
import type { Polled } from './use-poll.ts';

const TONES = { active: 'good', suspended: 'bad', closed: 'warn' } as const;
const LIMITS: Readonly<Record<string, string>> = {
  concurrentCalls: 'outgoing calls',
  connections: 'clients',
  subscriptions: 'subscriptions',
  callsPerMinute: 'calls a minute',
  spendPerHour: 'spent this hour',
  spendPerDay: 'spent today',
};

export interface TenantsSectionProps {
  readonly tenants: Polled<TenantList>;
  readonly search: string;
  readonly onSearch: (search: string) => void;
  /** Rejects with a sentence for people. */
  readonly onStatus: (accountSid: string, status: 'active' | 'suspended') => Promise<void>;
}

/** Accounts with what they have now; suspending one, and letting it go on. */
export function TenantsSection({ tenants, search, onSearch, onStatus }: TenantsSectionProps): ReactElement {
  const [asked, setAsked] = useState<Tenant>();
  const [problem, setProblem] = useState<string>();
  const change = (tenant: Tenant, status: 'active' | 'suspended'): void => {
    setAsked(undefined);
    onStatus(tenant.accountSid, status).then(
      () => {
        setProblem(undefined);
      },
      (error: unknown) => {
        setProblem(error instanceof Error ? error.message : String(error));
      },
    );
  };
  return (
    <Section
      title="Tenants"
      testId="console-tenants"
      problem={tenants.problem}
      isLoading={tenants.value === undefined}
      beside={<SearchForm search={search} onSearch={onSearch} />}
    >
      {problem !== undefined && (
        <p className="note" role="alert">
          {problem}
        </p>
      )}
      <DataTable
        label="Tenants"
        testId="tenants"
        columns={columnsOf(setAsked, (tenant) => {
          change(tenant, 'active');
        })}
        rows={tenants.value?.tenants ?? []}
        keyOf={({ accountSid }) => accountSid}
        empty={search === '' ? 'There is no account yet.' : `No account has the sid or exactly the name “${search}”.`}
      />
      <Missing nodes={tenants.value?.missing ?? []} />
      {asked !== undefined && (
        <Confirm
          question={`Suspend ${asked.name}?`}
          action="Suspend"
          onCancel={() => {
            setAsked(undefined);
          }}
          onConfirm={() => {
            change(asked, 'suspended');
          }}
        >
          <p>
            Its {plural(asked.calls, 'call')} and {plural(asked.connections, 'client connection')} end, and nothing new
            is taken from it until it is resumed. Accounts that it owns are suspended with it.
          </p>
        </Confirm>
      )}
    </Section>
  );
}

/** What is shown may be less than there is. */
export function Missing({ nodes }: { readonly nodes: readonly string[] }): ReactElement | null {
  if (nodes.length === 0) return null;
  return <p className="note">Without what these nodes have, which do not answer: {nodes.join(', ')}</p>;
}

function SearchForm({ search, onSearch }: Pick<TenantsSectionProps, 'search' | 'onSearch'>): ReactElement {
  return (
    <form
      className="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onSearch((new FormData(event.currentTarget).get('search') as string).trim());
      }}
    >
      <input
        className="filter"
        type="search"
        name="search"
        defaultValue={search}
        placeholder="Account sid or exact name"
        aria-label="Find an account by its sid or exact name"
        data-testid="tenant-search"
      />
      <button type="submit" className="button small">
        Find
      </button>
    </form>
  );
}

function columnsOf(onSuspend: (tenant: Tenant) => void, onResume: (tenant: Tenant) => void): Column<Tenant>[] {
  return [
    {
      title: 'Account',
      show: ({ name, accountSid }) => (
        <>
          <strong>{name}</strong>
          <small className="below" title={accountSid}>
            {shortSid(accountSid)}
          </small>
        </>
      ),
    },
    { title: 'Status', show: ({ status }) => <Badge tone={TONES[status]}>{status}</Badge> },
    { title: 'Calls', isFigure: true, show: ({ calls }) => formatCount(calls) },
    {
      title: 'Queued',
      isFigure: true,
      show: ({ queued, scheduled }) =>
        scheduled === 0 ? formatCount(queued) : `${formatCount(queued)}, ${formatCount(scheduled)} later`,
    },
    { title: 'Clients', isFigure: true, show: ({ connections }) => formatCount(connections) },
    { title: 'Fullest limit', isFigure: true, show: fullest },
    {
      title: 'Action',
      show: (tenant) =>
        tenant.status === 'closed' ? (
          ''
        ) : (
          <button
            type="button"
            className="button small"
            aria-label={`${tenant.status === 'active' ? 'Suspend' : 'Resume'} ${tenant.name}`}
            onClick={() => {
              (tenant.status === 'active' ? onSuspend : onResume)(tenant);
            }}
            data-testid="tenant-status"
          >
            {tenant.status === 'active' ? 'Suspend' : 'Resume'}
          </button>
        ),
    },
  ];
}

/** The limit that the account is closest to. */
function fullest({ uses }: Tenant): ReactElement {
  const [first] = uses.filter(({ used }) => used > 0).sort((a, b) => b.used / b.of - a.used / a.of);
  if (first === undefined) return <span className="muted-text">none used</span>;
  return (
    <>
      <Share used={first.used} most={first.of} />
      <small className="below">{LIMITS[first.limit] ?? first.limit}</small>
    </>
  );
}
