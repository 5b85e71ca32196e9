import { CLIENT_ERRORS, Device, HookswitchError } from '../sdk/index.ts';
import type { TokenOption } from '../sdk/index.ts';

/** How somebody signed in. */
export type Credentials =
  { readonly kind: 'identity'; readonly identity: string } | { readonly kind: 'token'; readonly token: string };

const STORED = 'hookswitch.identity';

/** From `?identity=` or from this tab's earlier visit. A pasted token is never stored. */
export function rememberedIdentity(): string | undefined {
  const named = new URLSearchParams(location.search).get('identity');
  return named ?? sessionStorage.getItem(STORED) ?? undefined;
}

export function remember(identity: string | undefined): void {
  const url = new URL(location.href);
  if (identity === undefined) {
    sessionStorage.removeItem(STORED);
    url.searchParams.delete('identity');
  } else {
    sessionStorage.setItem(STORED, identity);
    url.searchParams.set('identity', identity);
  }
  history.replaceState(null, '', url);
}

/** `?processing=off`: the microphone as it is, for music, test tones and measurements. */
function processing(): boolean {
  return new URLSearchParams(location.search).get('processing') !== 'off';
}

/** Fetches a token of the demo application, as your own page would from your application server. */
async function demoToken(identity: string): Promise<string> {
  const response = await fetch(`demo/token?identity=${encodeURIComponent(identity)}`);
  const body = (await response.json().catch(() => ({}))) as { token?: unknown; message?: unknown; title?: unknown };
  if (response.ok && typeof body.token === 'string') return body.token;
  const said = [body.message, body.title].find((text) => typeof text === 'string');
  throw new HookswitchError('tokenProviderFailed', {
    code: CLIENT_ERRORS.tokenProviderFailed.code,
    // A refusal stays one however often it is asked for; a server that is starting up comes round.
    temporary: response.status >= 500 && response.status !== 503,
    message: said ?? `No token from the demo application (status ${response.status}). Is it running? Or paste a token.`,
  });
}

/** Gets an access token for whoever signed in. */
export function tokenOf(credentials: Credentials): () => Promise<string> {
  if (credentials.kind === 'identity') return () => demoToken(credentials.identity);
  return () => Promise.resolve(credentials.token);
}

export function openDevice(credentials: Credentials): Device {
  const token: TokenOption = credentials.kind === 'token' ? credentials.token : tokenOf(credentials);
  const on = processing();
  return new Device(token, {
    client: 'hookswitch-softphone',
    name: `Softphone in ${browserName()}`,
    closeProtection: true,
    audio: { echoCancellation: on, noiseSuppression: on, autoGainControl: on },
  });
}

function browserName(): string {
  const agent = navigator.userAgent;
  const found = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  return found === 'Edg' ? 'Edge' : found === 'OPR' ? 'Opera' : (found ?? 'a browser');
}
