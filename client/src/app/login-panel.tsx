import { useState } from 'react';
import type { SubmitEvent, ReactElement } from 'react';
import type { Credentials } from './session.ts';

/** Signing in by a name (the demo application signs a token for it) or with a token of one's own. */
export function LoginPanel({ onSignIn }: { readonly onSignIn: (credentials: Credentials) => void }): ReactElement {
  const [by, setBy] = useState<Credentials['kind']>('identity');
  const [identity, setIdentity] = useState('alice');
  const [token, setToken] = useState('');
  const value = (by === 'identity' ? identity : token).trim();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (value !== '')
      onSignIn(by === 'identity' ? { kind: 'identity', identity: value } : { kind: 'token', token: value });
  };
  return (
    <main className="login">
      <form className="card login-card" onSubmit={submit} data-testid="login-form">
        <h1>Softphone</h1>
        <p className="muted-text">Take and make calls in this browser.</p>
        <fieldset className="segments" aria-label="How to sign in">
          {(['identity', 'token'] as const).map((kind) => (
            <label key={kind} className={by === kind ? 'segment chosen' : 'segment'}>
              <input
                type="radio"
                name="by"
                checked={by === kind}
                onChange={() => {
                  setBy(kind);
                }}
                data-testid={`login-by-${kind}`}
              />
              {kind === 'identity' ? 'By name' : 'With a token'}
            </label>
          ))}
        </fieldset>
        {by === 'identity' ? (
          <label className="field">
            <span>Name</span>
            <input
              value={identity}
              onChange={(event) => {
                setIdentity(event.target.value);
              }}
              placeholder="alice or support/tier1/alice"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
              data-testid="login-identity"
            />
            <small>The demo application signs a token for this name. Calls to it ring here.</small>
          </label>
        ) : (
          <label className="field">
            <span>Access token</span>
            <textarea
              value={token}
              onChange={(event) => {
                setToken(event.target.value);
              }}
              rows={5}
              placeholder="eyJ…"
              autoComplete="off"
              spellCheck={false}
              autoFocus
              data-testid="login-token"
            />
            <small>Signed by your application server. It is kept in memory only.</small>
          </label>
        )}
        <button className="button primary" type="submit" disabled={value === ''} data-testid="login-submit">
          Sign in
        </button>
        <a className="muted-text to-cluster" href="#cluster" data-testid="cluster-link">
          Operator of this server? See the cluster
        </a>
      </form>
    </main>
  );
}
