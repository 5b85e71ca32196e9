import type { ReactElement, ReactNode } from 'react';

export interface SignInFormProps {
  /** Begins the names by which tests find it: `NAME-form`, `NAME-problem`, `NAME-submit`. */
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** Why what was given last was not taken. */
  readonly problem: string | undefined;
  /** @param text what is in the field of this name, without blanks around it */
  readonly onSubmit: (text: (field: string) => string) => void;
  /** The fields. */
  readonly children: ReactNode;
}

/** Asks for credentials of a page beside the softphone; nothing of them is kept here. */
export function SignInForm({ name, title, about, problem, onSubmit, children }: SignInFormProps): ReactElement {
  return (
    <main className="login">
      <form
        className="card login-card"
        data-testid={`${name}-form`}
        onSubmit={(event) => {
          event.preventDefault();
          const given = new FormData(event.currentTarget);
          onSubmit((field) => (given.get(field) as string).trim());
        }}
      >
        <h1>{title}</h1>
        <p className="muted-text">{about}</p>
        {problem !== undefined && (
          <p className="note" role="alert" data-testid={`${name}-problem`}>
            {problem}
          </p>
        )}
        {children}
        <button className="button primary" type="submit" data-testid={`${name}-submit`}>
          Open
        </button>
        <a className="button quiet" href="#">
          Softphone
        </a>
      </form>
    </main>
  );
}
