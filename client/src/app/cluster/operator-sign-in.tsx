import type { ReactElement } from 'react';
import { SignInForm } from '../sign-in-form.tsx';

export interface OperatorSignInProps {
  /** Why the last key was not taken. */
  readonly problem: string | undefined;
  readonly onKey: (key: string) => void;
}

/** Asks for the operator's key. It is kept in memory only. */
export function OperatorSignIn({ problem, onKey }: OperatorSignInProps): ReactElement {
  return (
    <SignInForm
      name="operator"
      title="Cluster"
      about="For the operator of this server."
      problem={problem}
      onSubmit={(text) => {
        if (text('key') !== '') onKey(text('key'));
      }}
    >
      <input type="text" name="username" autoComplete="username" value="operator" readOnly hidden />
      <label className="field">
        <span>Operator&apos;s key</span>
        <input
          name="key"
          type="password"
          required
          autoFocus
          autoComplete="current-password"
          spellCheck={false}
          data-testid="operator-key"
        />
        <small>
          <code>hookswitch cluster console</code> shows it; another one at every start of the server. It is kept in
          memory only.
        </small>
      </label>
    </SignInForm>
  );
}
