import type { StreamNoun } from '@hookswitch/shared';
import { tracksOf } from '../streams/stream-order.ts';
import type { StreamOrder } from '../streams/stream-order.ts';
import type { VerbContext } from './verb.ts';

export type OrderResult =
  { readonly ok: true; readonly order: StreamOrder } | { readonly ok: false; readonly problem: string };

/** What a `<Stream>` asks for. @param n of the streams of this run of the verb */
export function streamOrder(noun: StreamNoun, context: VerbContext, n: number, bidirectional: boolean): OrderResult {
  const { url: reference = '', name = '', track, statusCallback, statusCallbackMethod: method, parameters } = noun;
  const url = socketUrl(reference, context);
  if (url === undefined) {
    return {
      ok: false,
      problem: `<Stream>: url="${reference.slice(0, 200)}" is no address that begins with wss:// or ws://`,
    };
  }
  const callback = statusCallback === undefined ? undefined : context.resolve(statusCallback);
  return {
    ok: true,
    order: {
      streamSid: context.streamSid(n),
      url,
      name,
      tracks: tracksOf(track),
      bidirectional,
      parameters,
      callback: callback === undefined ? undefined : { url: callback, method },
    },
  };
}

/** DEVIATION: `ws:` is taken too, and an address relative to the document's, whose scheme has its counterpart here. */
function socketUrl(reference: string, context: VerbContext): string | undefined {
  if (reference === '') return undefined;
  if (/^wss?:/i.test(reference)) return URL.parse(reference)?.href;
  return context.resolve(reference)?.replace(/^http/, 'ws');
}
