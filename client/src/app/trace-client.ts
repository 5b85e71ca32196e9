import { callTraceSchema, traceListSchema } from '@hookswitch/shared';
import type { CallTrace, TraceHead } from '@hookswitch/shared';

/** A sentence for whoever reads the page. */
export class TraceRequestError extends Error {}

/** Reads call traces with the access token that the phone uses, if that token may. */
export class TraceClient {
  readonly #fresh: () => Promise<string>;
  #token: string | undefined;

  /** @param token gets an access token; asked again when the last one has expired */
  constructor(token: () => Promise<string>) {
    this.#fresh = token;
  }

  /** Whether the token has the `trace` grant. The server decides; this only spares the user a refusal. */
  async isGranted(): Promise<boolean> {
    return claimsOf(await this.#valid()).trace;
  }

  async recent(): Promise<readonly TraceHead[]> {
    const response = await this.#get('traces?limit=20');
    return traceListSchema.parse(await response.json()).calls;
  }

  async call(id: string): Promise<CallTrace> {
    const response = await this.#get(`calls/${encodeURIComponent(id)}/trace.json`);
    return callTraceSchema.parse(await response.json());
  }

  /** The SIP messages as a packet capture. */
  async capture(id: string): Promise<Blob> {
    const response = await this.#get(`calls/${encodeURIComponent(id)}/trace.pcap`);
    return await response.blob();
  }

  async #get(path: string): Promise<Response> {
    const token = await this.#valid();
    const { account } = claimsOf(token);
    const response = await fetch(`v1/accounts/${encodeURIComponent(account)}/${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (response.ok) return response;
    const body = (await response.json().catch(() => ({}))) as { title?: unknown };
    throw new TraceRequestError(
      typeof body.title === 'string' ? body.title : `The server answered ${response.status}.`,
    );
  }

  async #valid(): Promise<string> {
    if (this.#token === undefined || claimsOf(this.#token).expiresAt < Date.now() + 10_000) {
      this.#token = await this.#fresh();
    }
    return this.#token;
  }
}

/** What a token says; nothing for a text that is no token. The signature is the server's to check. */
export function claimsOf(token: string): { account: string; expiresAt: number; trace: boolean } {
  try {
    const text = atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    const { sub, exp, grants } = JSON.parse(text) as { sub?: unknown; exp?: unknown; grants?: { trace?: unknown } };
    return {
      account: typeof sub === 'string' ? sub : '',
      expiresAt: typeof exp === 'number' ? exp * 1000 : 0,
      trace: grants?.trace === true,
    };
  } catch {
    return { account: '', expiresAt: 0, trace: false };
  }
}
