import type { ReactElement } from 'react';
import { SignInForm } from '../sign-in-form.tsx';
import type { MediaCredentials } from './media-client.ts';

export interface MediaSignInProps {
  /** Why the last credentials were not taken. */
  readonly problem: string | undefined;
  readonly onCredentials: (credentials: MediaCredentials) => void;
}

/** Asks for the credentials of an account. They are kept in memory only. */
export function MediaSignIn({ problem, onCredentials }: MediaSignInProps): ReactElement {
  return (
    <SignInForm
      name="media"
      title="Media"
      about="What an account keeps in the media layer."
      problem={problem}
      onSubmit={(text) => {
        onCredentials({ user: text('user'), secret: text('secret') });
      }}
    >
      <label className="field">
        <span>AccountSid, or sid of an API key</span>
        <input name="user" required autoFocus autoComplete="username" spellCheck={false} data-testid="media-user" />
      </label>
      <label className="field">
        <span>Auth token, or secret of the key</span>
        <input name="secret" type="password" required autoComplete="current-password" data-testid="media-secret" />
        <small>
          <code>hookswitch accounts credentials</code> shows them. They are kept in memory only.
        </small>
      </label>
    </SignInForm>
  );
}
