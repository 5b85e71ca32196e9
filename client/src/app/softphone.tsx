import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { ReactElement, RefObject } from 'react';
import { Banners } from './banners.tsx';
import { BridgeRequestCard } from './bridge-request-card.tsx';
import { CallPanel } from './call-panel.tsx';
import { CallTraces } from './call-traces.tsx';
import { DeviceSettings } from './device-settings.tsx';
import { DialPad } from './dial-pad.tsx';
import { EventList } from './event-list.tsx';
import { formatPeer } from './format.ts';
import { IncomingCard } from './incoming-card.tsx';
import { keyAction } from './keyboard.ts';
import type { KeyAction } from './keyboard.ts';
import { RecentCalls } from './recent-calls.tsx';
import type { PhoneSnapshot, PhoneState } from './phone-snapshot.ts';
import type { SoftphoneStore } from './softphone-store.ts';
import type { TraceClient } from './trace-client.ts';

const STATES: Readonly<Record<PhoneState, string>> = {
  registered: 'Ready',
  registering: 'Connecting…',
  reconnecting: 'Reconnecting…',
  offline: 'Offline',
  unregistered: 'Not registered',
  stopped: 'Signed out',
};

export interface SoftphoneProps {
  readonly store: SoftphoneStore;
  readonly traces: TraceClient;
  readonly name: string | undefined;
  readonly onSignOut: () => void;
}

/** The page of somebody who is signed in. */
export function Softphone({ store, traces, name, onSignOut }: SoftphoneProps): ReactElement {
  const phone = useSyncExternalStore(store.subscribe, store.snapshot);
  const [to, setTo] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useTitle(phone);
  useKeys(store, input, (key) => {
    setTo((before) => before + key);
  });
  const { active, incoming } = phone;
  return (
    <div className="page">
      <header className="top">
        <h1>Hookswitch</h1>
        <p className={`status ${phone.state}`} role="status" data-testid="registration-status" data-state={phone.state}>
          <i aria-hidden="true" />
          {phone.state === 'registered' && active !== undefined ? 'On a call' : STATES[phone.state]}
        </p>
        <p className="who" data-testid="identity">
          {phone.identity ?? name ?? ''}
        </p>
        <OtherPages />
        <button type="button" className="button small quiet" onClick={onSignOut} data-testid="sign-out">
          Sign out
        </button>
      </header>
      <Banners phone={phone} store={store} onSignOut={onSignOut} />
      <main>
        <div className="columns">
          <div className="phone">
            {active === undefined && incoming.map((view) => <IncomingCard key={view.call.callSid} view={view} />)}
            {active === undefined &&
              phone.requests.map((request) => (
                <BridgeRequestCard
                  key={request.sid}
                  request={request}
                  onAccept={() => {
                    store.accept(request);
                  }}
                />
              ))}
            {active !== undefined && (
              <CallPanel
                view={active}
                onDigit={(digit) => {
                  store.sendDigit(active.call, digit);
                }}
              />
            )}
            <section className="card" aria-label="Phone">
              {active === undefined && (
                <DialPad
                  value={to}
                  onChange={setTo}
                  onDial={(peer) => {
                    store.dial(peer);
                    setTo('');
                  }}
                  onTone={(key) => {
                    store.tones.digit(key);
                  }}
                  canDial={phone.state === 'registered'}
                  input={input}
                />
              )}
              {active === undefined && <RecentCalls calls={phone.recents} onPick={setTo} />}
              <DeviceSettings phone={phone} store={store} />
            </section>
          </div>
          <EventList log={store.events} />
        </div>
        <CallTraces client={traces} occasion={occasionOf(phone)} />
      </main>
    </div>
  );
}

function OtherPages(): ReactElement {
  const style = 'button small quiet wide-only';
  return (
    <>
      <a className={style} href="#topics" data-testid="topics-link">
        Topics
      </a>
      <a className={style} href="#media" data-testid="media-link">
        Media
      </a>
      <a className={style} href="#cluster">
        Cluster
      </a>
    </>
  );
}

/** Changes when a call begins, is answered or ends. */
function occasionOf({ incoming, active, recents }: PhoneSnapshot): string {
  return [recents[0]?.key, active?.status, incoming.length].join(' ');
}

/** A tab in the background shows who is calling. */
function useTitle({ incoming, active }: PhoneSnapshot): void {
  const caller = active === undefined ? incoming[0]?.call : undefined;
  const who = caller === undefined ? undefined : (caller.callerName ?? formatPeer(caller.from));
  useEffect(() => {
    const before = document.title;
    if (who === undefined) return undefined;
    document.title = `☎ ${who} is calling`;
    return () => {
      document.title = before;
    };
  }, [who]);
}

function useKeys(
  store: SoftphoneStore,
  input: RefObject<HTMLInputElement | null>,
  onDial: (key: string) => void,
): void {
  const dial = useRef(onDial);
  dial.current = onDial;
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const { incoming, active } = store.snapshot();
      const action = keyAction({
        key: event.key,
        modified: event.ctrlKey || event.altKey || event.metaKey,
        repeat: event.repeat,
        phone: active !== undefined ? 'call' : incoming.length > 0 ? 'incoming' : 'idle',
        focus: focusOf(input.current),
      });
      if (action === undefined) return;
      event.preventDefault();
      if (action.do === 'dial') {
        input.current?.focus();
        dial.current(action.key);
      } else perform(store, action);
    };
    document.addEventListener('keydown', press);
    return () => {
      document.removeEventListener('keydown', press);
    };
  }, [store, input]);
}

function perform(store: SoftphoneStore, action: Exclude<KeyAction, { do: 'dial' }>): void {
  const { incoming, active } = store.snapshot();
  const call = active?.call ?? incoming[0]?.call;
  if (call === undefined) return;
  switch (action.do) {
    case 'answer':
      call.accept();
      return;
    case 'reject':
      call.reject();
      return;
    case 'hangup':
      call.disconnect();
      return;
    case 'mute':
      call.mute(!call.isMuted);
      return;
    case 'digit':
      store.sendDigit(call, action.key);
  }
}

function focusOf(dial: HTMLInputElement | null): 'text' | 'empty-dial' | 'button' | 'page' {
  const { activeElement } = document;
  if (activeElement === null || activeElement === document.body) return 'page';
  if (activeElement === dial && dial.value === '') return 'empty-dial';
  if (activeElement.matches('textarea, select, input')) return 'text';
  return activeElement.matches('button, a, [tabindex]') ? 'button' : 'page';
}
