import { timingSafeEqual } from 'node:crypto';
import { TokenError, TokenVerifier } from '../hub/index.ts';
import { randomHex } from '../kernel/index.ts';
import type { HttpTap } from '../app-server/index.ts';
import type { CallObserver } from '../bridge/index.ts';
import type { EventSink } from '../calls/ports.ts';
import type { TappedMessage } from '../sip/index.ts';
import type { Directory } from '../tenants/index.ts';
import { TraceRecorder, callObserver, httpTap, tracedEvents } from '../trace/index.ts';
import type { CallTraces, TraceAccess, TraceScope } from '../trace/index.ts';
import type { Platform } from './platform.ts';

/** The call trace of this process, and where it listens. With `--trace off` there is nothing, at no cost. */
export interface TraceParts {
  readonly taps: {
    readonly sip?: (message: TappedMessage) => void;
    readonly http?: HttpTap;
    readonly calls?: CallObserver;
  };
  /** Undefined when switched off. */
  readonly traces: CallTraces | undefined;
  /** Opens every trace to whoever can read the run-state file; made anew at each start. */
  readonly operatorKey: string;
  events(sink: EventSink): EventSink;
}

export async function openTrace({ config, startup, clock, random, metrics }: Platform): Promise<TraceParts> {
  const operatorKey = randomHex(random, 24);
  if (!config.trace.on) return { taps: {}, traces: undefined, operatorKey, events: (sink) => sink };
  const recorder = await startup.step(
    'call trace',
    () => new TraceRecorder({ clock, showDigits: config.trace.showDigits }),
    (opened) => {
      opened.close();
    },
  );
  metrics.gauge('hookswitch_trace_bytes', 'Memory of the call trace', [], () => recorder.bytes);
  metrics.gauge('hookswitch_trace_calls', 'Calls and SIP exchanges in the call trace', [], () => recorder.size);
  return {
    taps: {
      sip: (message) => {
        recorder.sip(message);
      },
      http: httpTap(recorder),
      calls: callObserver(recorder),
    },
    traces: recorder,
    operatorKey,
    events: (sink) => tracedEvents(recorder, sink),
  };
}

/**
 * Whose traces an `Authorization` header opens. Basic with AccountSid and auth token, or with an API key and its secret:
 * the account's. Bearer with an access token: the account's, if the token has the `trace` grant. Bearer with the operator
 * key: all.
 */
export function traceAccess(
  parts: { readonly directory: Directory; readonly operatorKey: string } & Pick<Platform, 'clock'>,
): TraceAccess {
  const { directory, operatorKey, clock } = parts;
  const verifier = new TokenVerifier({ keys: directory, clock });
  return {
    scopeOf: async (authorization = '') => {
      const [, scheme = '', value = ''] = /^(\S+)\s+(\S+)\s*$/.exec(authorization) ?? [];
      if (scheme.toLowerCase() === 'basic') return basicScope(directory, value);
      if (scheme.toLowerCase() !== 'bearer') return undefined;
      if (same(value, operatorKey)) return 'operator';
      try {
        const { accountSid, trace } = await verifier.verify(value);
        return trace ? { accountSid } : 'forbidden';
      } catch (error) {
        if (error instanceof TokenError) return undefined;
        throw error;
      }
    },
  };
}

function basicScope(directory: Directory, encoded: string): TraceScope | undefined {
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  const [user, password] = [decoded.slice(0, Math.max(0, colon)), decoded.slice(colon + 1)];
  const key = directory.apiKey(user);
  const accountSid = key?.accountSid ?? user;
  const secret = key?.secret ?? directory.authToken(user);
  if (secret === undefined || secret === '' || !same(password, secret)) return undefined;
  return directory.accountBySid(accountSid)?.status === 'active' ? { accountSid } : undefined;
}

/** In the same time wherever they differ. */
function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
