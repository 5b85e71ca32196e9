import type { ReactElement } from 'react';
import type { BridgeRequest } from '../sdk/index.ts';
import { formatPeer, formatTime } from './format.ts';
import { Icon } from './icons.tsx';
import { OfferCard } from './offer-card.tsx';

export interface BridgeRequestCardProps {
  readonly request: BridgeRequest;
  readonly onAccept: () => void;
}

/** Something that is no call, and whom accepting it calls. It does not ring. */
export function BridgeRequestCard({ request, onAccept }: BridgeRequestCardProps): ReactElement {
  const until = formatTime(new Date(request.expiresAt).toISOString()).slice(0, -4);
  return (
    <OfferCard
      label="Request for a call"
      name="bridge-request"
      role="status"
      eyebrow="Asks to be called"
      peer={formatPeer(request.to)}
      note={`shown as ${formatPeer(request.from)} · until ${until}`}
      facts={factsOf(request.data)}
    >
      <button
        type="button"
        className="button quiet"
        onClick={() => {
          request.ignore();
        }}
        data-testid="bridge-request-ignore"
      >
        Ignore
      </button>
      <button type="button" className="button go" onClick={onAccept} data-testid="bridge-request-accept">
        <Icon name="phone" />
        Call
      </button>
    </OfferCard>
  );
}

function factsOf(data: unknown): [name: string, value: string][] {
  if (data === null || data === undefined) return [];
  if (typeof data !== 'object' || Array.isArray(data)) return [['message', textOf(data)]];
  return Object.entries(data).map(([name, value]) => [name, textOf(value)]);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
