import type { ReactElement } from 'react';
import { formatDuration, formatPeer } from './format.ts';
import { Icon } from './icons.tsx';
import type { RecentCall } from './phone-snapshot.ts';

export interface RecentCallsProps {
  readonly calls: readonly RecentCall[];
  readonly onPick: (peer: string) => void;
}

/** The last calls of this page; a click takes the party to the dial pad. */
export function RecentCalls({ calls, onPick }: RecentCallsProps): ReactElement | null {
  if (calls.length === 0) return null;
  return (
    <section className="recents" aria-labelledby="recents-title">
      <h2 id="recents-title">Recent</h2>
      <ul data-testid="recent-calls">
        {calls.map((call) => (
          <li key={call.key}>
            <button
              type="button"
              className={call.missed ? 'recent missed' : 'recent'}
              onClick={() => {
                onPick(formatPeer(call.peer));
              }}
              data-testid="recent-call"
            >
              <Icon name={call.missed ? 'missed' : call.direction} />
              <span className="recent-peer">{formatPeer(call.peer)}</span>
              <span className="recent-outcome">
                {call.missed ? 'missed · ' : ''}
                {call.outcome}
              </span>
              <span className="recent-time">
                {call.durationMs === undefined
                  ? new Date(call.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
                  : formatDuration(call.durationMs)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
