import { useCallback, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { CapacitySection, SPANS } from './capacity-section.tsx';
import type { Span } from './capacity-section.tsx';
import { ClusterClient } from './cluster-client.ts';
import { Figures } from './figures.tsx';
import { NodesSection } from './nodes-section.tsx';
import { OperatorSignIn } from './operator-sign-in.tsx';
import { QueueSection } from './queue-section.tsx';
import { TenantsSection } from './tenants-section.tsx';
import { TrunksSection } from './trunks-section.tsx';
import { usePoll } from './use-poll.ts';
import './cluster.css';

/** What changes by the second is read so often, and what changes by the minute, milliseconds. */
const SOON_MS = 2000;
const LATER_MS = 15_000;
const SHOWN_TENANTS = 50;

export interface ClusterPageProps {
  /** The operator's key; undefined: not signed in. */
  readonly operatorKey: string | undefined;
  readonly onKey: (key: string | undefined) => void;
}

/** For the operator of the server: the cluster, over all nodes and accounts. */
export function ClusterPage({ operatorKey, onKey }: ClusterPageProps): ReactElement {
  const [problem, setProblem] = useState<string>();
  if (operatorKey === undefined) {
    return (
      <OperatorSignIn
        problem={problem}
        onKey={(key) => {
          setProblem(undefined);
          onKey(key);
        }}
      />
    );
  }
  return (
    <Console
      operatorKey={operatorKey}
      onRefused={(why) => {
        setProblem(why);
        onKey(undefined);
      }}
      onSignOut={() => {
        onKey(undefined);
      }}
    />
  );
}

interface ConsoleProps {
  readonly operatorKey: string;
  readonly onRefused: (why: string) => void;
  readonly onSignOut: () => void;
}

const PARTS = [
  ['console-capacity', 'Forecast'],
  ['console-nodes', 'Nodes'],
  ['console-queue', 'Queue'],
  ['console-tenants', 'Tenants'],
  ['console-trunks', 'Trunks'],
] as const;

function Top({ onSignOut }: Pick<ConsoleProps, 'onSignOut'>): ReactElement {
  return (
    <header className="top">
      <h1>Cluster</h1>
      <nav className="jump" aria-label="Parts of this page">
        {PARTS.map(([id, text]) => (
          <button
            key={id}
            type="button"
            className="button small quiet"
            onClick={() => {
              const part = document.getElementById(id);
              part?.scrollIntoView({ block: 'start' });
              part?.focus({ preventScroll: true });
            }}
          >
            {text}
          </button>
        ))}
      </nav>
      <a className="button small quiet" href="#">
        Softphone
      </a>
      <button type="button" className="button small quiet" onClick={onSignOut} data-testid="operator-sign-out">
        Sign out
      </button>
    </header>
  );
}

/** Everything that the page shows, read again and again. */
function useCluster(
  client: ClusterClient,
  { span, search, onRefused }: { readonly span: Span; readonly search: string } & Pick<ConsoleProps, 'onRefused'>,
) {
  return {
    nodes: usePoll(
      useCallback(() => client.nodes(), [client]),
      SOON_MS,
      onRefused,
    ),
    queue: usePoll(
      useCallback(() => client.queue(), [client]),
      SOON_MS,
      onRefused,
    ),
    tenants: usePoll(
      useCallback(() => client.tenants(SHOWN_TENANTS, search), [client, search]),
      SOON_MS,
      onRefused,
    ),
    trunks: usePoll(
      useCallback(() => client.trunks(), [client]),
      SOON_MS,
      onRefused,
    ),
    decisions: usePoll(
      useCallback(() => client.decisions(), [client]),
      LATER_MS,
      onRefused,
    ),
    forecast: usePoll(
      useCallback(() => client.forecast(span.hours, span.ahead), [client, span]),
      LATER_MS,
      onRefused,
    ),
  };
}

function Console({ operatorKey, onRefused, onSignOut }: ConsoleProps): ReactElement {
  const client = useMemo(() => new ClusterClient(operatorKey), [operatorKey]);
  const [span, setSpan] = useState<Span>(SPANS[1]);
  const [search, setSearch] = useState('');
  const { nodes, queue, tenants, trunks, decisions, forecast } = useCluster(client, { span, search, onRefused });
  return (
    <div className="page" data-testid="console">
      <Top onSignOut={onSignOut} />
      <main className="console">
        <Figures nodes={nodes.value} queue={queue.value} forecast={forecast.value} trunks={trunks.value} />
        <div id="console-capacity" tabIndex={-1} className="console-pair">
          <CapacitySection forecast={forecast} decisions={decisions} span={span} onSpan={setSpan} />
        </div>
        <div id="console-nodes" tabIndex={-1}>
          <NodesSection
            nodes={nodes}
            onDrain={async (node, deadlineSeconds) => {
              await client.drain(node, deadlineSeconds);
              await nodes.refresh();
            }}
          />
        </div>
        <div id="console-queue" tabIndex={-1}>
          <QueueSection queue={queue} />
        </div>
        <div id="console-tenants" tabIndex={-1}>
          <TenantsSection
            tenants={tenants}
            search={search}
            onSearch={setSearch}
            onStatus={async (accountSid, status) => {
              await client.setStatus(accountSid, status);
              await tenants.refresh();
            }}
          />
        </div>
        <div id="console-trunks" tabIndex={-1}>
          <TrunksSection trunks={trunks} />
        </div>
      </main>
    </div>
  );
}
