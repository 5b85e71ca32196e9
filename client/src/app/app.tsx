import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { ReactElement } from 'react';
import { ClusterPage } from './cluster/cluster-page.tsx';
import { LoginPanel } from './login-panel.tsx';
import { openDevice, remember, rememberedIdentity, tokenOf } from './session.ts';
import type { Credentials } from './session.ts';
import { MediaPage } from './media/media-page.tsx';
import { Softphone } from './softphone.tsx';
import { SoftphoneStore } from './softphone-store.ts';
import { TopicsPage } from './topics-page.tsx';
import { TraceClient } from './trace-client.ts';

const TOPICS = '#topics';
const CLUSTER = '#cluster';
const MEDIA = '#media';

/**
 * Login panel, or the softphone of whoever is signed in; `#topics` shows what happens on the hub instead, `#cluster` the
 * cluster to the operator, `#media` the media of an account to whoever has its credentials.
 */
export function App(): ReactElement {
  const [credentials, setCredentials] = useState<Credentials | undefined>(() => {
    const identity = rememberedIdentity();
    return identity === undefined ? undefined : { kind: 'identity', identity };
  });
  const [operatorKey, setOperatorKey] = useState<string>();
  const hash = useHash();
  const store = useStore(credentials);
  const token = useMemo(() => (credentials === undefined ? undefined : tokenOf(credentials)), [credentials]);
  const traces = useMemo(() => (token === undefined ? undefined : new TraceClient(token)), [token]);
  if (hash === MEDIA) return <MediaPage />;
  if (hash === CLUSTER) return <ClusterPage operatorKey={operatorKey} onKey={setOperatorKey} />;
  if (credentials === undefined || token === undefined || traces === undefined) {
    return (
      <LoginPanel
        onSignIn={(given) => {
          if (given.kind === 'identity') remember(given.identity);
          setCredentials(given);
        }}
      />
    );
  }
  // The device stays registered meanwhile: a call brings the softphone back.
  if (hash === TOPICS) return <TopicsPage token={token} />;
  if (store === undefined) return <main className="login" />;
  return (
    <Softphone
      store={store}
      traces={traces}
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
    const off = opened.device.on('incoming', () => {
      if ([TOPICS, CLUSTER, MEDIA].includes(location.hash)) location.hash = '';
    });
    return () => {
      off();
      opened.close();
      setStore(undefined);
    };
  }, [credentials]);
  return store;
}

/** The part of the address that chooses the page. */
function useHash(): string {
  return useSyncExternalStore(
    (changed) => {
      window.addEventListener('hashchange', changed);
      return () => {
        window.removeEventListener('hashchange', changed);
      };
    },
    () => location.hash,
  );
}
