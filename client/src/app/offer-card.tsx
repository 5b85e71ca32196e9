import type { ReactElement, ReactNode } from 'react';

export interface OfferCardProps {
  /** What it is, for those who do not see it. */
  readonly label: string;
  /** Begins the names by which tests find it: `NAME-card`, `NAME-peer`. */
  readonly name: string;
  /** `alert` interrupts whoever hears the page read out, `status` waits. */
  readonly role: 'alert' | 'status';
  readonly eyebrow: string;
  readonly peer: string;
  readonly note: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** The two buttons: to decline, then to accept. */
  readonly children: ReactNode;
}

/** Somebody to talk with, who waits for an answer. */
export function OfferCard({ label, name, role, eyebrow, peer, note, facts, children }: OfferCardProps): ReactElement {
  return (
    <section className="card incoming" aria-label={label} data-testid={`${name}-card`}>
      <div role={role}>
        <p className="eyebrow">{eyebrow}</p>
        <p className="peer" data-testid={`${name}-peer`}>
          {peer}
        </p>
      </div>
      <p className="muted-text">{note}</p>
      {facts.length > 0 && (
        <dl className="parameters">
          {facts.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <div className="actions">{children}</div>
    </section>
  );
}
