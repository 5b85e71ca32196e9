import { useEffect, useState, useSyncExternalStore } from 'react';
import type { ReactElement } from 'react';
import { HubClient } from '../sdk/hub.ts';
import { EventList } from './event-list.tsx';
import { RatePlot } from './rate-plot.tsx';
import { TopicWatch } from './topic-watch.ts';
import type { RatesSnapshot } from './topic-rates.ts';

const DEFAULT_TOPIC = 'calls.>';
/** Rows of the table of topics. */
const SHOWN_TOPICS = 20;

export interface TopicsPageProps {
  readonly token: () => Promise<string>;
}

/** For operators: what happens on a topic or pattern, live. On a connection of its own. */
export function TopicsPage({ token }: TopicsPageProps): ReactElement {
  const [wanted, setWanted] = useState({ topic: DEFAULT_TOPIC, types: '' });
  const watch = useWatch(token, wanted);
  return (
    <div className="page">
      <header className="top">
        <h1>Topics</h1>
        <a className="button small quiet" href="#">
          Softphone
        </a>
      </header>
      <main>
        <form
          className="card watch watch-form"
          onSubmit={(event) => {
            event.preventDefault();
            const given = new FormData(event.currentTarget);
            const text = (name: string): string => (given.get(name) as string).trim();
            setWanted({ topic: text('topic'), types: text('types') });
          }}
        >
          <label className="field">
            Topic or pattern
            <input name="topic" required defaultValue={wanted.topic} data-testid="watch-topic" />
          </label>
          <label className="field">
            Event types
            <input name="types" placeholder="all; or call.*, order.created" data-testid="watch-types" />
          </label>
          <button type="submit" className="button primary" data-testid="watch-start">
            Watch
          </button>
        </form>
        {watch !== undefined && <Watched watch={watch} />}
      </main>
    </div>
  );
}

/** A connection while the page is shown, and a watch of what is wanted. */
function useWatch(
  token: () => Promise<string>,
  { topic, types }: { readonly topic: string; readonly types: string },
): TopicWatch | undefined {
  const [hub, setHub] = useState<HubClient>();
  const [watch, setWatch] = useState<TopicWatch>();
  useEffect(() => {
    const opened = new HubClient({ token, client: 'hookswitch-topics' });
    opened.connect().catch(() => undefined);
    setHub(opened);
    return () => {
      opened.close();
    };
  }, [token]);
  useEffect(() => {
    if (hub === undefined) return undefined;
    const opened = new TopicWatch(hub, topic, types.split(/[\s,]+/).filter(Boolean));
    setWatch(opened);
    return () => {
      opened.close();
    };
  }, [hub, topic, types]);
  return watch;
}

function Watched({ watch }: { readonly watch: TopicWatch }): ReactElement {
  const { state, topic, rates, problem } = useSyncExternalStore(watch.subscribe, watch.snapshot);
  return (
    <>
      <section className="card watch" aria-label="Rate" data-testid="watch-rate" data-state={state} data-topic={topic}>
        {problem !== undefined && (
          <p className="note" role="alert">
            {problem}
          </p>
        )}
        <p>
          <strong data-testid="watch-per-second">{rates.rate.toFixed(1)}</strong> events a second,{' '}
          <span data-testid="watch-total">{rates.total}</span> since {topic} is watched
          {state !== 'connected' && <span className="muted-text"> ({state})</span>}
        </p>
        <RatePlot perSecond={rates.perSecond} />
      </section>
      <div className="columns">
        <TopicTable rates={rates} />
        <EventList log={watch.log} />
      </div>
    </>
  );
}

function TopicTable({ rates }: { readonly rates: RatesSnapshot }): ReactElement {
  const { topics, others } = rates;
  const shown = topics.slice(0, SHOWN_TOPICS);
  const rest = topics.slice(SHOWN_TOPICS).reduce((sum, { count }) => sum + count, others);
  return (
    <section className="card" aria-label="Topics">
      <table className="topic-table" data-testid="watch-topics">
        <thead>
          <tr>
            <th scope="col">Topic</th>
            <th scope="col">Events</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ topic, count }) => (
            <tr key={topic}>
              <td>{topic}</td>
              <td>{count}</td>
            </tr>
          ))}
          {rest > 0 && (
            <tr>
              <td>all others</td>
              <td>{rest}</td>
            </tr>
          )}
        </tbody>
      </table>
      {topics.length === 0 && <p className="empty">No event yet.</p>}
    </section>
  );
}
