import type { HeaderPair, SipRequest } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import type { OutOfDialogRequest, RequestFacts } from './api.ts';
import type { Core } from './core.ts';
import { extraHeaders } from './facts.ts';
import { respondSafely } from './replies.ts';

/** Headers that answers outside a dialog may bring, though answers to calls may not. */
const OPEN: ReadonlySet<string> = new Set([
  ...['contact', 'allow', 'supported', 'require', 'path', 'content-type', 'accept-encoding'],
]);

/** A request outside a dialog as its handler sees it. */
export function receivedRequest<C>(
  core: Core,
  transaction: ServerTransaction,
  known: { readonly facts: RequestFacts; readonly context: C; readonly toTag: string },
): OutOfDialogRequest<C> {
  const request: SipRequest = transaction.request;
  let answered = false;
  return {
    ...known.facts,
    context: known.context,
    contentType: request.contentType,
    body: request.body,
    respond: (status, options = {}) => {
      if (answered) return;
      answered = true;
      const { pairs, refused } = extraHeaders(options.headers, OPEN);
      if (refused.length > 0) core.log.error({ refused, status }, 'headers of a SIP response left out');
      const headers: HeaderPair[] = [...pairs, ['Server', core.name]];
      respondSafely(core, transaction, {
        status,
        toTag: known.toTag,
        headers,
        ...(options.reason === undefined ? {} : { reason: options.reason }),
        ...(options.body === undefined ? {} : { body: Buffer.from(options.body) }),
      });
    },
  };
}
