import type { ReactElement } from 'react';
import type { QueueView } from '@hookswitch/shared';
import { formatCount, formatSpan, plural, shortSid } from './cluster-format.ts';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { Section } from './parts.tsx';
import type { Polled } from './use-poll.ts';

type Account = QueueView['accounts'][number];

const COLUMNS: readonly Column<Account>[] = [
  {
    title: 'Account',
    show: ({ name, accountSid }) => (
      <>
        <strong>{name === '' ? 'no longer there' : name}</strong>
        <small className="below" title={accountSid}>
          {shortSid(accountSid)}
        </small>
      </>
    ),
  },
  { title: 'Waiting', isFigure: true, show: ({ waiting }) => formatCount(waiting) },
  {
    title: 'Longest wait',
    isFigure: true,
    show: ({ oldestWaitMs }) => (oldestWaitMs === null ? '–' : formatSpan(oldestWaitMs)),
  },
  { title: 'To start later', isFigure: true, show: ({ scheduled }) => formatCount(scheduled) },
  { title: 'Running', isFigure: true, show: ({ running }) => formatCount(running) },
];

/** Calls that were asked for and wait, by account. */
export function QueueSection({ queue }: { readonly queue: Polled<QueueView> }): ReactElement {
  const { value } = queue;
  return (
    <Section title="Queue" testId="console-queue" problem={queue.problem} isLoading={value === undefined}>
      {value !== undefined && (
        <>
          <p className="sentence" data-testid="queue-sentence">
            {sentence(value)}
          </p>
          <DataTable
            label="Calls that wait, by account"
            testId="queue"
            columns={COLUMNS}
            rows={value.accounts}
            keyOf={({ accountSid }) => accountSid}
            empty="No call waits, and none that was asked for is up."
          />
          {value.moreAccounts > 0 && <p className="note">and {plural(value.moreAccounts, 'more account')}</p>}
        </>
      )}
    </Section>
  );
}

function sentence({ node, waiting, oldestWaitMs, startedLastMinute, scheduled, nextStartAt }: QueueView): string {
  if (node === null) return 'Nobody schedules calls just now: what is asked for waits.';
  const wait = oldestWaitMs === null ? '' : `, the longest for ${formatSpan(oldestWaitMs)}`;
  const next = nextStartAt === null ? '' : `, the next in ${formatSpan(Date.parse(nextStartAt) - Date.now())}`;
  const later = scheduled === 0 ? '' : ` ${plural(scheduled, 'call')} to start later${next}.`;
  const calls = `${plural(waiting, 'call waits', 'calls wait')}${wait}.`;
  return `${calls} ${plural(startedLastMinute, 'call')} started in the last minute.${later} Scheduled by ${node}.`;
}
