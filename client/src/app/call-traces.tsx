import { useCallback, useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { CallTrace, TraceEntry, TraceHead } from '@hookswitch/shared';
import { formatPeer, formatTime } from './format.ts';
import { Ladder, labelOf, seconds } from './ladder.tsx';
import type { TraceClient } from './trace-client.ts';

export interface CallTracesProps {
  readonly client: TraceClient;
  /** The list is read again when this changes: a call began or ended. */
  readonly occasion: string;
}

const SETTLE_MS = 1500;

/** Recent calls of the account with their ladders; nothing for a token that may not see them. */
export function CallTraces({ client, occasion }: CallTracesProps): ReactElement | null {
  const [calls, setCalls] = useState<readonly TraceHead[]>();
  const [chosen, setChosen] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const refresh = useCallback(async () => {
    try {
      if (!(await client.isGranted())) return;
      setCalls(await client.recent());
      setProblem(undefined);
    } catch (error) {
      setProblem(sentence(error));
    }
  }, [client]);
  useEffect(() => {
    void refresh();
    // The server's side of a call ends a moment after the page's.
    const again = setTimeout(() => void refresh(), SETTLE_MS);
    return () => {
      clearTimeout(again);
    };
  }, [refresh, occasion]);
  if (calls === undefined) return null;
  return (
    <section className="card traces" aria-labelledby="traces-title" data-testid="call-traces">
      <header className="events-head">
        <h2 id="traces-title">Call traces</h2>
        <button type="button" className="button small" onClick={() => void refresh()} data-testid="trace-refresh">
          Refresh
        </button>
      </header>
      {problem !== undefined && <p className="note">{problem}</p>}
      {calls.length === 0 ? (
        <p className="empty">No calls yet. Each one leaves its SIP messages, requests and events here for a while.</p>
      ) : (
        <ul className="trace-list" data-testid="trace-list">
          {calls.map((call) => (
            <li key={call.id}>
              <button
                type="button"
                className="trace-row"
                aria-expanded={call.id === chosen}
                onClick={() => {
                  setChosen(call.id === chosen ? undefined : call.id);
                }}
                data-testid="trace-call"
              >
                <time dateTime={new Date(call.startedAt).toISOString()}>
                  {formatTime(new Date(call.startedAt).toISOString())}
                </time>
                <span className="trace-parties">
                  {formatPeer(call.from)} → {formatPeer(call.to)}
                </span>
                <span className="trace-status">{call.status}</span>
              </button>
              {call.id === chosen && <TraceView client={client} id={call.id} occasion={occasion} />}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function TraceView({ client, id, occasion }: CallTracesProps & { readonly id: string }): ReactElement {
  const [trace, setTrace] = useState<CallTrace>();
  const [problem, setProblem] = useState<string>();
  const [open, setOpen] = useState<number>();
  useEffect(() => {
    let current = true;
    client.call(id).then(
      (read) => {
        if (current) setTrace(read);
      },
      (error: unknown) => {
        if (current) setProblem(sentence(error));
      },
    );
    return () => {
      current = false;
    };
  }, [client, id, occasion]);
  if (problem !== undefined) return <p className="note">{problem}</p>;
  if (trace === undefined) return <p className="empty">Reading…</p>;
  return (
    <div className="trace" data-testid="trace-view">
      <p className="trace-actions">
        <code>{trace.id}</code>
        <button
          type="button"
          className="button small"
          onClick={() => {
            download(client, trace.id).catch((error: unknown) => {
              setProblem(sentence(error));
            });
          }}
          data-testid="trace-pcap"
        >
          Download pcap
        </button>
      </p>
      <Ladder trace={trace} chosen={open} onChoose={setOpen} />
      <ol className="trace-entries" data-testid="trace-entries" aria-label="Messages and events of this call">
        {trace.entries.map((entry, index) => (
          <EntryItem
            key={index}
            entry={entry}
            trace={trace}
            open={index === open}
            onToggle={() => {
              setOpen(index === open ? undefined : index);
            }}
          />
        ))}
      </ol>
    </div>
  );
}

interface EntryItemProps {
  readonly entry: TraceEntry;
  readonly trace: CallTrace;
  readonly open: boolean;
  readonly onToggle: () => void;
}

function EntryItem({ entry, trace, open, onToggle }: EntryItemProps): ReactElement {
  const name = (id: string | undefined): string => trace.parties.find((party) => party.id === id)?.label ?? '';
  return (
    <li data-testid="trace-entry" data-kind={entry.kind} data-title={entry.title}>
      <button
        type="button"
        className={`trace-entry ${entry.kind}${entry.failed === true ? ' bad' : ''}`}
        aria-expanded={open}
        onClick={onToggle}
      >
        <span className="step-time">{seconds(entry)}</span>
        {entry.to !== undefined && (
          <span className="trace-way">
            {name(entry.from)} → {name(entry.to)}
          </span>
        )}
        <span className="trace-label">{labelOf(entry)}</span>
      </button>
      {open && (
        <pre className="event-json" tabIndex={0} data-testid="trace-detail" ref={intoView}>
          {entry.detail ?? labelOf(entry)}
        </pre>
      )}
    </li>
  );
}

/** A step chosen in the picture is shown further down. */
function intoView(element: HTMLPreElement | null): void {
  element?.scrollIntoView({ block: 'nearest' });
}

async function download(client: TraceClient, id: string): Promise<void> {
  const address = URL.createObjectURL(await client.capture(id));
  const link = document.createElement('a');
  link.href = address;
  link.download = `${id}.pcap`;
  link.click();
  URL.revokeObjectURL(address);
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : 'The trace could not be read.';
}
