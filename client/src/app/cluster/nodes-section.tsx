import { useState } from 'react';
import type { ReactElement } from 'react';
import type { NodeList } from '@hookswitch/shared';
import { formatCount, formatShare, formatSpan, plural } from './cluster-format.ts';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { Badge, Confirm, Section, Share } from './parts.tsx';
import type { Polled } from './use-poll.ts';

type Node = NodeList['nodes'][number];

const TONES = { ready: 'good', draining: 'warn', silent: 'bad' } as const;
const DEADLINES = [
  { seconds: 600, text: '10 minutes' },
  { seconds: 3600, text: '1 hour' },
  { seconds: 86_400, text: '24 hours' },
] as const;

const figure = (value: number | null, show: (value: number) => string): string => (value === null ? '–' : show(value));

export interface NodesSectionProps {
  readonly nodes: Polled<NodeList>;
  /** Rejects with a sentence for people. */
  readonly onDrain: (node: string, deadlineSeconds: number) => Promise<void>;
}

/** The nodes that take calls, and taking one out of service. */
export function NodesSection({ nodes, onDrain }: NodesSectionProps): ReactElement {
  const [asked, setAsked] = useState<Node>();
  const rows = nodes.value?.nodes ?? [];
  const columns: Column<Node>[] = [
    {
      title: 'Node',
      show: ({ node, addresses }) => (
        <>
          <strong>{node}</strong>
          <small className="below">{addresses['sip'] ?? ''}</small>
        </>
      ),
    },
    { title: 'State', show: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge> },
    { title: 'Roles', show: ({ roles }) => roles.join(', ') },
    {
      title: 'Call legs',
      isFigure: true,
      show: ({ channels, capacity }) =>
        channels === null ? '–' : <Share used={channels} most={capacity ?? undefined} />,
    },
    { title: 'CPU', isFigure: true, show: ({ cpu }) => figure(cpu, formatShare) },
    {
      title: 'Loop delay',
      isFigure: true,
      show: ({ loopLagMs }) => figure(loopLagMs, (ms) => `${formatCount(ms)} ms`),
    },
    {
      title: 'Packets a second',
      isFigure: true,
      show: ({ packetsPerSecond }) => figure(packetsPerSecond, formatCount),
    },
    { title: 'Up for', isFigure: true, show: ({ startedAt }) => formatSpan(Date.now() - Date.parse(startedAt)) },
    {
      title: 'Action',
      show: (node) => (
        <button
          type="button"
          className="button small"
          disabled={node.state === 'draining'}
          aria-label={`Drain ${node.node}`}
          onClick={() => {
            setAsked(node);
          }}
          data-testid="drain"
        >
          Drain
        </button>
      ),
    },
  ];
  return (
    <Section title="Nodes" testId="console-nodes" problem={nodes.problem} isLoading={nodes.value === undefined}>
      <DataTable
        label="Nodes that take calls"
        testId="nodes"
        columns={columns}
        rows={rows}
        keyOf={({ node }) => node}
        empty="No node takes calls just now."
      />
      {asked !== undefined && (
        <DrainDialog
          node={asked}
          isLast={rows.filter(({ state }) => state === 'ready').length === 1}
          onDrain={onDrain}
          onClose={() => {
            setAsked(undefined);
          }}
        />
      )}
    </Section>
  );
}

interface DrainDialogProps extends Pick<NodesSectionProps, 'onDrain'> {
  readonly node: Node;
  readonly isLast: boolean;
  readonly onClose: () => void;
}

function DrainDialog({ node, isLast, onDrain, onClose }: DrainDialogProps): ReactElement {
  const [seconds, setSeconds] = useState(3600);
  const [problem, setProblem] = useState<string>();
  return (
    <Confirm
      question={`Drain ${node.node}?`}
      action="Drain"
      onCancel={onClose}
      onConfirm={() => {
        onDrain(node.node, seconds).then(onClose, (error: unknown) => {
          setProblem(error instanceof Error ? error.message : String(error));
        });
      }}
    >
      <p>
        It takes no new calls from now on. Its {plural(node.channels ?? 0, 'call leg')} go on; when the last is over,
        the process ends. That cannot be taken back.
      </p>
      {isLast && <p className="note">It is the only node that takes calls: new calls will be refused.</p>}
      <label className="field">
        <span>Calls that are still up are ended after</span>
        <select
          value={seconds}
          onChange={(event) => {
            setSeconds(Number(event.target.value));
          }}
          data-testid="drain-deadline"
        >
          {DEADLINES.map((deadline) => (
            <option key={deadline.seconds} value={deadline.seconds}>
              {deadline.text}
            </option>
          ))}
        </select>
      </label>
      {problem !== undefined && (
        <p className="note" role="alert">
          {problem}
        </p>
      )}
    </Confirm>
  );
}
