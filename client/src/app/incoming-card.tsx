import type { ReactElement } from 'react';
import { formatPeer } from './format.ts';
import { Icon } from './icons.tsx';
import type { CallView } from './phone-snapshot.ts';

/** A call that rings. With a call going on there is nothing to answer here: the SDK declines others as busy. */
export function IncomingCard({ view }: { readonly view: CallView }): ReactElement {
  const { call } = view;
  const extras = Object.entries(call.parameters);
  return (
    <section className="card incoming" aria-label="Incoming call" data-testid="incoming-card">
      <div role="alert">
        <p className="eyebrow">Incoming call</p>
        <p className="peer" data-testid="incoming-peer">
          {call.callerName ?? formatPeer(call.from)}
        </p>
      </div>
      <p className="muted-text">
        {call.callerName === undefined ? '' : `${formatPeer(call.from)} · `}to {formatPeer(call.to)}
      </p>
      {extras.length > 0 && (
        <dl className="parameters">
          {extras.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <div className="actions">
        <button
          type="button"
          className="button stop"
          onClick={() => {
            call.reject();
          }}
          data-testid="reject"
        >
          <Icon name="hangup" />
          Reject <kbd>Esc</kbd>
        </button>
        <button
          type="button"
          className="button go"
          onClick={() => {
            call.accept();
          }}
          data-testid="answer"
        >
          <Icon name="phone" />
          Answer <kbd>Enter</kbd>
        </button>
      </div>
    </section>
  );
}
