import type { SipRequest, SipResponse } from '../message/index.ts';

/** What the peer of a dialog said it can do, by its newest Allow and Supported. */
export class PeerFacts {
  #allow: ReadonlySet<string> | undefined;
  #supported: ReadonlySet<string> = new Set();

  /** Reads a request of the peer, or its response above 100. */
  learn(message: SipRequest | SipResponse): void {
    const { headers } = message;
    if (headers.has('allow')) this.#allow = new Set(headers.all('allow').map((method) => method.toUpperCase()));
    if (headers.has('supported')) this.#supported = optionTags(message, 'supported');
  }

  /** False while the peer has named no methods: those that need a word for it are not tried. */
  allows(method: string): boolean {
    return this.#allow?.has(method) === true;
  }

  supports(tag: string): boolean {
    return this.#supported.has(tag);
  }
}

/** Option tags of a header such as Supported or Require, lower case. */
export function optionTags(message: SipRequest | SipResponse, header: string): ReadonlySet<string> {
  return new Set(message.headers.all(header).map((tag) => tag.trim().toLowerCase()));
}

/** Whether a request or response supports or requires an extension. */
export function knowsOption(message: SipRequest | SipResponse, tag: string): boolean {
  return optionTags(message, 'supported').has(tag) || optionTags(message, 'require').has(tag);
}
