import { credentialsOf, parseUpgradeUrl, publicUrl, upgradeHeaders } from './application-request.ts';
import type { SessionState, SigningKeys } from './ports.ts';

/** A request that opens a WebSocket to an application server. */
export interface UpgradeRequest {
  readonly accountSid: string;
  readonly callSid: string;
  /** `ws:` or `wss:`. */
  readonly url: string;
  /** Caller and callee of the session (default: those of the call's other requests). */
  readonly from?: string;
  readonly to?: string;
}

/** What an upgrade request sends, and who takes what the server sets. */
export interface Upgrade {
  /** Without user name, password and fragment. */
  readonly url: string;
  /** Signature over the `wss:` address, cookies, basic authentication. */
  readonly headers: Readonly<Record<string, string>>;
  /** Keeps the cookies of the answer, taken or refused. Never rejects. */
  keep(setCookies: readonly string[]): Promise<void>;
}

/** Upgrade requests as all others: signed, with the cookies of the call's session (SS-3). */
export class UpgradeRequests {
  readonly #keys: SigningKeys;
  readonly #sessions: SessionState;

  constructor({ keys, sessions }: { readonly keys: SigningKeys; readonly sessions: SessionState }) {
    this.#keys = keys;
    this.#sessions = sessions;
  }

  /** Undefined for what is no `ws:` or `wss:` address. Never rejects. */
  async begin({ accountSid, callSid, url, from = '', to = '' }: UpgradeRequest): Promise<Upgrade | undefined> {
    const address = parseUpgradeUrl(url);
    if (address === undefined) return undefined;
    const turn = await this.#sessions.begin({ accountSid, callSid, from, to }, address.href);
    const signed = { url: address, authToken: this.#keys.authToken(accountSid), cookies: turn.cookies };
    const headers = upgradeHeaders({ ...signed, credentials: credentialsOf(address) });
    const bare = new URL(publicUrl(address));
    bare.hash = '';
    return { url: bare.href, headers, keep: (setCookies) => turn.keep(setCookies) };
  }

  /** Headers alone. Never rejects. */
  async headers(request: UpgradeRequest): Promise<Readonly<Record<string, string>>> {
    return (await this.begin(request))?.headers ?? {};
  }
}
