import { useEffect, useId, useRef } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { formatCount, formatShare } from './cluster-format.ts';

export interface SectionProps {
  readonly title: string;
  readonly testId: string;
  /** Why what is shown is old. */
  readonly problem?: string | undefined;
  /** Beside the title. */
  readonly beside?: ReactNode;
  /** Nothing was read yet. */
  readonly isLoading: boolean;
  readonly children: ReactNode;
}

/** One subject of the page. */
export function Section({ title, testId, problem, beside, isLoading, children }: SectionProps): ReactElement {
  const id = useId();
  return (
    <section className="card console-part" aria-labelledby={id} data-testid={testId}>
      <header className="events-head">
        <h2 id={id}>{title}</h2>
        {beside}
      </header>
      {problem !== undefined && (
        <p className="note" role="status">
          Not up to date: {problem}
        </p>
      )}
      {isLoading ? problem === undefined && <p className="empty">Reading…</p> : children}
    </section>
  );
}

/** A word with a colour; the word says it all. */
export function Badge({
  tone,
  children,
}: {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly children: string;
}): ReactElement {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** `12 of 200` with a bar. @param most undefined: there is no limit */
export function Share({ used, most }: { readonly used: number; readonly most: number | undefined }): ReactElement {
  if (most === undefined) return <span className="share">{formatCount(used)}</span>;
  const share = most === 0 ? (used === 0 ? 0 : 1) : Math.min(1, used / most);
  return (
    <span className="share" title={formatShare(share)}>
      {formatCount(used)} of {formatCount(most)}
      <span className={`share-bar${share >= 0.9 ? ' full' : ''}`} aria-hidden="true">
        <i style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  );
}

export interface ConfirmProps {
  readonly question: string;
  /** What will happen. */
  readonly children: ReactNode;
  /** On the button that does it. */
  readonly action: string;
  readonly onConfirm: () => void;
  readonly onCancel: () => void;
}

/** Asks before something that cannot be taken back at once. Escape is no. */
export function Confirm({ question, children, action, onConfirm, onCancel }: ConfirmProps): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => {
      element?.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="card confirm"
      aria-labelledby={id}
      data-testid="confirm"
      onCancel={(event) => {
        event.preventDefault();
        onCancel();
      }}
    >
      <h2 id={id}>{question}</h2>
      {children}
      <div className="actions">
        <button type="button" className="button" onClick={onCancel} data-testid="confirm-no">
          Cancel
        </button>
        <button type="button" className="button stop" onClick={onConfirm} data-testid="confirm-yes">
          {action}
        </button>
      </div>
    </dialog>
  );
}
