import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import { LoginPanel } from './login-panel.tsx';
import { openDevice, remember, rememberedIdentity } from './session.ts';
import type { Credentials } from './session.ts';
import { Softphone } from './softphone.tsx';
import { SoftphoneStore } from './softphone-store.ts';

/** Login panel, or the softphone of whoever is signed in. */
export function App(): ReactElement {
  const [credentials, setCredentials] = useState<Credentials | undefined>(() => {
    const identity = rememberedIdentity();
    return identity === undefined ? undefined : { kind: 'identity', identity };
  });
  const store = useStore(credentials);
  if (credentials === undefined) {
    return (
      <LoginPanel
        onSignIn={(given) => {
          if (given.kind === 'identity') remember(given.identity);
          setCredentials(given);
        }}
      />
    );
  }
  if (store === undefined) return <main className="login" />;
  return (
    <Softphone
      store={store}
      name={credentials.kind === 'identity' ? credentials.identity : undefined}
      onSignOut={() => {
        remember(undefined);
        setCredentials(undefined);
      }}
    />
  );
}

/** One device for as long as somebody is signed in. */
function useStore(credentials: Credentials | undefined): SoftphoneStore | undefined {
  const [store, setStore] = useState<SoftphoneStore>();
  useEffect(() => {
    if (credentials === undefined) return undefined;
    const opened = new SoftphoneStore(openDevice(credentials));
    setStore(opened);
    return () => {
      opened.close();
      setStore(undefined);
    };
  }, [credentials]);
  return store;
}
