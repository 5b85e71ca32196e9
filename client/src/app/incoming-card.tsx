import type { ReactElement } from 'react';
import { formatPeer } from './format.ts';
import { Icon } from './icons.tsx';
import { OfferCard } from './offer-card.tsx';
import type { CallView } from './phone-snapshot.ts';

/** A call that rings. With a call going on there is nothing to answer here: the SDK declines others as busy. */
export function IncomingCard({ view }: { readonly view: CallView }): ReactElement {
  const { call } = view;
  const { callerName, parameters } = call;
  const [from, to] = [formatPeer(call.from), formatPeer(call.to)];
  return (
    <OfferCard
      label="Incoming call"
      name="incoming"
      role="alert"
      eyebrow="Incoming call"
      peer={callerName ?? from}
      note={callerName === undefined ? `to ${to}` : `${from} · to ${to}`}
      facts={Object.entries(parameters)}
    >
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
    </OfferCard>
  );
}
