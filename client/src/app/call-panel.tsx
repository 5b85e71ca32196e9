import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import type { Call } from '../sdk/index.ts';
import { formatDuration, formatPeer } from './format.ts';
import { Icon } from './icons.tsx';
import { Keypad } from './keypad.tsx';
import type { CallView } from './phone-snapshot.ts';

const STATUS: Readonly<Record<Call['status'], string>> = {
  pending: 'Ringing',
  connecting: 'Connecting…',
  ringing: 'Ringing…',
  open: 'In call',
  reconnecting: 'Reconnecting…',
  closed: 'Ended',
};

export interface CallPanelProps {
  readonly view: CallView;
  readonly onDigit: (digit: string) => void;
}

/** The call that is going on. */
export function CallPanel({ view, onDigit }: CallPanelProps): ReactElement {
  const { call, status, muted } = view;
  return (
    <section className="card call" aria-label="Call">
      <header className="call-head">
        <div>
          <p className="peer" data-testid="call-peer">
            {call.callerName ?? formatPeer(call.peer)}
          </p>
          <p
            className={`call-status ${status}`}
            role="status"
            data-testid="call-status"
            data-state={status}
            data-codec={view.codec ?? ''}
          >
            {STATUS[status]}
            {view.codec !== undefined && <span className="codec">{view.codec === 'opus' ? 'Opus' : view.codec}</span>}
          </p>
        </div>
        <Timer since={view.openedAt} />
      </header>
      {view.warning !== undefined && status === 'open' && (
        <p className="warning" role="status" data-testid="call-warning">
          {view.warning}
        </p>
      )}
      <Levels call={call} muted={muted} />
      <div className="digits" aria-live="polite">
        <span data-testid="digits-sent">{view.digitsSent === '' ? '' : `Sent ${view.digitsSent}`}</span>
        <span data-testid="digits-received">{view.digitsReceived === '' ? '' : `Received ${view.digitsReceived}`}</span>
      </div>
      <Keypad onKey={onDigit} />
      <div className="actions">
        <button
          type="button"
          className={muted ? 'button on' : 'button'}
          aria-pressed={muted}
          onClick={() => {
            call.mute(!muted);
          }}
          data-testid="mute"
        >
          <Icon name={muted ? 'muted' : 'microphone'} />
          {muted ? 'Unmute' : 'Mute'} <kbd>M</kbd>
        </button>
        <button
          type="button"
          className="button stop"
          onClick={() => {
            call.disconnect();
          }}
          data-testid="hangup"
        >
          <Icon name="hangup" />
          Hang up <kbd>Esc</kbd>
        </button>
      </div>
    </section>
  );
}

function Timer({ since }: { readonly since: number | undefined }): ReactElement {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 250);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return (
    <p className="timer" role="timer" aria-live="off" data-testid="call-timer">
      {since === undefined ? '–:––' : formatDuration(now - since)}
    </p>
  );
}

/** Drawn straight into the page: ten updates a second are no business of React's. */
function Levels({ call, muted }: { readonly call: Call; readonly muted: boolean }): ReactElement {
  const input = useRef<HTMLElement>(null);
  const output = useRef<HTMLElement>(null);
  useEffect(
    () =>
      call.on('volume', (volume) => {
        // Loudness is heard in ratios: 60 dB fill the bar.
        const width = (level: number): string => `${Math.max(0, 100 + (100 / 60) * 20 * Math.log10(level + 1e-6))}%`;
        if (input.current !== null) input.current.style.width = width(volume.input);
        if (output.current !== null) output.current.style.width = width(volume.output);
      }),
    [call],
  );
  return (
    <div className="levels" aria-hidden="true">
      <span>{muted ? 'You (muted)' : 'You'}</span>
      <div className="bar">
        <i ref={input} className={muted ? 'off' : ''} data-testid="level-input" />
      </div>
      <span>Other side</span>
      <div className="bar">
        <i ref={output} data-testid="level-output" />
      </div>
    </div>
  );
}
