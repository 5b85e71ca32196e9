import type { ReactElement } from 'react';
import type { TrunkList } from '@hookswitch/shared';
import { formatCount, formatTenth, plural } from './cluster-format.ts';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { Badge, Section, Share } from './parts.tsx';
import { Missing } from './tenants-section.tsx';
import type { Polled } from './use-poll.ts';

type Trunk = TrunkList['trunks'][number];

const COLUMNS: readonly Column<Trunk>[] = [
  {
    title: 'Trunk',
    show: ({ name, accountName }) => (
      <>
        <strong>{name}</strong>
        <small className="below">{accountName}</small>
      </>
    ),
  },
  {
    title: 'Channels in use',
    isFigure: true,
    show: (trunk) => <Share used={trunk.in + trunk.out} most={trunk.limits.total ?? undefined} />,
  },
  { title: 'In', isFigure: true, show: (trunk) => <Share used={trunk.in} most={trunk.limits.in ?? undefined} /> },
  { title: 'Out', isFigure: true, show: (trunk) => <Share used={trunk.out} most={trunk.limits.out ?? undefined} /> },
  { title: 'Gateways', show: Gateways },
  { title: 'Priority', isFigure: true, show: ({ priority }) => (priority === null ? '–' : formatCount(priority)) },
  { title: 'Cost a minute', isFigure: true, show: ({ cost }) => (cost === null ? '–' : formatTenth(cost)) },
];

function Gateways({ gateways }: Trunk): ReactElement {
  if (gateways.length === 0) return <span className="muted-text">none: takes no outgoing calls</span>;
  return (
    <ul className="gateways">
      {gateways.map(({ name, up, downOn }) => (
        <li key={name}>
          <Badge tone={up ? 'good' : 'bad'}>{up ? 'up' : 'down'}</Badge> {name}
          {!up && <small className="below">not reached from {downOn.join(', ')}</small>}
        </li>
      ))}
    </ul>
  );
}

/** Trunks of all accounts, as they are on all nodes. */
export function TrunksSection({ trunks }: { readonly trunks: Polled<TrunkList> }): ReactElement {
  const { value } = trunks;
  return (
    <Section title="Trunks" testId="console-trunks" problem={trunks.problem} isLoading={value === undefined}>
      <DataTable
        label="Trunks"
        testId="trunks"
        columns={COLUMNS}
        rows={value?.trunks ?? []}
        keyOf={({ trunkSid }) => trunkSid}
        empty="There is no trunk yet."
      />
      {value !== undefined && value.more > 0 && <p className="note">and {plural(value.more, 'more trunk')}</p>}
      <Missing nodes={value?.missing ?? []} />
    </Section>
  );
}
