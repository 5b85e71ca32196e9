import { memo, useDeferredValue, useMemo, useState, useSyncExternalStore } from 'react';
import type { ReactElement } from 'react';
import { MAX_EVENTS, matchesFilter, shortSubject, summarise } from './event-log.ts';
import type { EventLog, LoggedEvent } from './event-log.ts';
import { formatTime } from './format.ts';

/** Events as they happen, newest first. */
export function EventList({ log }: { readonly log: EventLog }): ReactElement {
  const { events, paused, held, gap, refused } = useSyncExternalStore(log.subscribe, log.snapshot);
  const [filter, setFilter] = useState('');
  const wanted = useDeferredValue(filter);
  const shown = useMemo(() => events.filter((event) => matchesFilter(event, wanted)), [events, wanted]);
  return (
    <section className="card events" aria-labelledby="events-title">
      <header className="events-head">
        <h2 id="events-title">
          Events{' '}
          <span className="count" data-testid="event-count">
            {shown.length === events.length ? events.length : `${shown.length} of ${events.length}`}
          </span>
        </h2>
        <input
          type="search"
          className="filter"
          value={filter}
          onChange={(event) => {
            setFilter(event.target.value);
          }}
          placeholder="Filter: type, number, call…"
          aria-label="Filter events"
          data-testid="event-filter"
        />
        <button
          type="button"
          className={paused ? 'button small on' : 'button small'}
          aria-pressed={paused}
          onClick={() => {
            log.setPaused(!paused);
          }}
          data-testid="event-pause"
        >
          {paused ? `Resume${held > 0 ? ` (${held})` : ''}` : 'Pause'}
        </button>
        <button
          type="button"
          className="button small quiet"
          onClick={() => {
            log.clear();
          }}
          data-testid="event-clear"
        >
          Clear
        </button>
      </header>
      {refused.length > 0 && <p className="note">This token does not allow: {refused.join(', ')}</p>}
      {gap && <p className="note">Some events may be missing: they could not be recovered after an interruption.</p>}
      {events.length === 0 ? (
        <p className="empty">Nothing yet. Every step of a call appears here as it happens.</p>
      ) : (
        <ol className="event-list" data-testid="event-list" aria-label={`The latest ${MAX_EVENTS} events`}>
          {shown.map((event) => (
            <EventItem key={event.key} logged={event} />
          ))}
        </ol>
      )}
    </section>
  );
}

/** Drawn once: a logged event does not change. */
const EventItem = memo(function EventItem({ logged }: { readonly logged: LoggedEvent }): ReactElement {
  const [open, setOpen] = useState(false);
  const { event } = logged;
  const family = event.type.split('.')[0] ?? '';
  const bad = /failed|died|one-way|warning/.test(event.type);
  return (
    <li data-testid="event-item" data-type={event.type}>
      <button
        type="button"
        className="event-row"
        aria-expanded={open}
        onClick={() => {
          setOpen(!open);
        }}
      >
        <time dateTime={event.time}>{formatTime(event.time)}</time>
        <span className={`event-type ${bad ? 'bad' : family}`}>{event.type}</span>
        <span className="event-summary">
          {event.subject !== undefined && (
            <span className="event-subject" title={event.subject}>
              {shortSubject(event.subject)}
            </span>
          )}
          {summarise(event)}
        </span>
      </button>
      {open && (
        <pre className="event-json" data-testid="event-json" tabIndex={0}>
          {JSON.stringify({ topic: logged.topic, position: logged.position, event }, null, 2)}
        </pre>
      )}
    </li>
  );
});
