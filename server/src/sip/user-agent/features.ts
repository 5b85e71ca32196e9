import { LEAST_INTERVAL } from '../dialog/index.ts';
import type { SessionTimerPolicy } from '../dialog/index.ts';
import type { UserAgentOptions } from './api.ts';

/** Which extensions a user agent uses, defaults filled in. */
export interface Features {
  readonly reliable: 'off' | 'supported' | 'required';
  readonly sessionTimer: SessionTimerPolicy | undefined;
  /** Option tags for Supported and for what may be required of us. */
  readonly supported: readonly string[];
  /** Methods, for Allow. */
  readonly allow: string;
}

const DEFAULT_INTERVAL = 1800;

export function featuresOf(
  options: Pick<UserAgentOptions, 'reliableProvisionals' | 'sessionTimer' | 'handlers'>,
): Features {
  const reliable = options.reliableProvisionals ?? 'supported';
  const { sessionTimer } = options;
  const wished = sessionTimer === false ? undefined : (sessionTimer ?? {});
  const minimum = Math.max(wished?.minimum ?? LEAST_INTERVAL, LEAST_INTERVAL);
  const policy: SessionTimerPolicy | undefined =
    wished === undefined
      ? undefined
      : {
          interval: Math.max(wished.interval ?? DEFAULT_INTERVAL, minimum),
          minimum,
          refresher: wished.refresher ?? 'peer',
        };
  return {
    reliable,
    sessionTimer: policy,
    supported: [
      ...(reliable === 'off' ? [] : ['100rel']),
      ...(policy === undefined ? [] : ['timer']),
      ...(options.handlers.onReplaces === undefined ? [] : ['replaces']),
      'norefersub',
      '199',
    ],
    allow: `INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY${reliable === 'off' ? '' : ', PRACK'}`,
  };
}
