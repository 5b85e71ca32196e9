import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { HookswitchError } from '../sdk/index.ts';
import { Icon } from './icons.tsx';
import type { PhoneSnapshot } from './phone-snapshot.ts';
import type { SoftphoneStore } from './softphone-store.ts';

export interface BannersProps {
  readonly phone: PhoneSnapshot;
  readonly store: SoftphoneStore;
  readonly onSignOut: () => void;
}

interface BannerFacts {
  readonly kind: string;
  readonly tone: 'bad' | 'warn' | 'info';
  readonly title: string;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
  readonly dismiss?: () => void;
}

/** A reconnect that takes no longer than this is nobody's concern. */
const OFFLINE_AFTER_MS = 1500;

/** What is wrong and what to do about it. */
export function Banners({ phone, store, onSignOut }: BannersProps): ReactElement | null {
  const offline = useLasting(phone.state === 'reconnecting' || phone.state === 'offline', OFFLINE_AFTER_MS);
  const banners: BannerFacts[] = phone.errors.map((error) => errorBanner(error, store, onSignOut));
  if (offline) banners.unshift(offlineBanner(phone, store));
  if (phone.state === 'stopped' && banners.every(({ kind }) => !SIGN_IN_AGAIN.has(kind))) {
    banners.unshift({
      kind: 'stopped',
      tone: 'bad',
      title: 'Signed out',
      text: 'The server ended the connection for good.',
      action: { label: 'Sign in again', run: onSignOut },
    });
  }
  if (phone.soundBlocked) {
    banners.unshift({
      kind: 'sound-blocked',
      tone: 'warn',
      title: 'The browser blocks the ringtone',
      text: 'Click anywhere on this page once and it may ring.',
      action: { label: 'Enable sound', run: () => void store.unblockSound() },
    });
  }
  if (phone.state === 'registered' && phone.microphone === 'prompt') {
    banners.push({
      kind: 'microphone-prompt',
      tone: 'info',
      title: 'Allow the microphone now',
      text: 'Then calls are answered without a question in between.',
      action: { label: 'Allow microphone', run: () => void store.allowMicrophone() },
    });
  }
  if (banners.length === 0) return null;
  return (
    <div className="banners">
      {banners.map((banner) => (
        <Banner key={banner.kind} facts={banner} />
      ))}
    </div>
  );
}

function Banner({ facts }: { readonly facts: BannerFacts }): ReactElement {
  const { kind, tone, title, text, action, dismiss } = facts;
  const bad = tone === 'bad';
  return (
    <div
      className={`banner ${tone}`}
      role={bad ? 'alert' : 'status'}
      data-testid={tone === 'info' ? 'hint-banner' : 'error-banner'}
      data-error={kind}
    >
      <p>
        <strong>{title}.</strong> {text}
      </p>
      {action !== undefined && (
        <button type="button" className="button small" onClick={action.run}>
          {action.label}
        </button>
      )}
      {dismiss !== undefined && (
        <button type="button" className="button quiet icon-button small" aria-label="Dismiss" onClick={dismiss}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}

const SIGN_IN_AGAIN: ReadonlySet<string> = new Set([
  'tokenExpired',
  'tokenInvalid',
  'tokenForeign',
  'accountInactive',
  'stopped',
  'stopped-by-server',
  'tokenProviderFailed',
]);

const TITLES: Readonly<Partial<Record<string, string>>> = {
  microphoneRefused: 'The microphone is refused',
  microphoneMissing: 'No microphone',
  microphoneBusy: 'The microphone cannot be opened',
  insecurePage: 'This page may not use the microphone',
  mediaUnsupported: 'This browser cannot make calls',
  mediaLost: 'No audio',
  outputUnsupported: 'The speaker cannot be chosen',
  tokenExpired: 'The token has expired',
  tokenInvalid: 'The token is not valid',
  tokenForeign: 'The token belongs to somebody else',
  tokenProviderFailed: 'No token',
  accountInactive: 'The account is not active',
  answeredElsewhere: 'Answered on another device',
  callGone: 'The call is over',
  bridgeTokenExpired: 'Too late',
  notPermitted: 'Not permitted',
  stopped: 'Signed out',
};

function errorBanner(error: HookswitchError, store: SoftphoneStore, onSignOut: () => void): BannerFacts {
  const { name } = error;
  const message = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`.replace(/([.?!])\.$/, '$1');
  const facts = { kind: name, tone: 'bad' as const, title: TITLES[name] ?? 'Something went wrong', text: message };
  if (name.startsWith('microphone')) {
    return { ...facts, action: { label: 'Try again', run: () => void store.allowMicrophone() } };
  }
  if (SIGN_IN_AGAIN.has(name)) return { ...facts, action: { label: 'Sign in again', run: onSignOut } };
  return {
    ...facts,
    dismiss: () => {
      store.dismiss(error);
    },
  };
}

function offlineBanner(phone: PhoneSnapshot, store: SoftphoneStore): BannerFacts {
  const text =
    phone.state === 'offline'
      ? 'This computer has no network. Calls cannot ring here until it is back.'
      : `The connection to the server is lost and is being re-established.${phone.active === undefined ? '' : ' The call goes on if its audio still gets through.'}`;
  return {
    kind: 'offline',
    tone: 'warn',
    title: 'Offline',
    text,
    action: {
      label: 'Try now',
      run: () => {
        store.device.hub.wakeUp();
      },
    },
  };
}

/** True once `condition` has held for so long. */
function useLasting(condition: boolean, ms: number): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!condition) return undefined;
    const timer = setTimeout(() => {
      setLasting(true);
    }, ms);
    return () => {
      clearTimeout(timer);
      setLasting(false);
    };
  }, [condition, ms]);
  return condition && lasting;
}
