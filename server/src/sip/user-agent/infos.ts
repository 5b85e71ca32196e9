import type { ServerTransaction } from '../transaction/index.ts';
import type { CallDialog } from './call-dialog.ts';
import type { CallHooks } from './call-hooks.ts';

/** INFO in a call, both ways: the legacy kind (RFC 2976). No Info Package of RFC 6086 is spoken. */
export class Infos {
  readonly #call: CallDialog;
  readonly #hooks: CallHooks;

  constructor(call: CallDialog, hooks: CallHooks) {
    this.#call = call;
    this.#hooks = hooks;
  }

  handle(transaction: ServerTransaction): void {
    const { request } = transaction;
    // RFC 6086 section 4.2.2: a package that was never agreed on.
    if (request.headers.has('info-package')) {
      transaction.respond({ status: 469, headers: [['Recv-Info', '']] });
      return;
    }
    const listener = this.#hooks.listener();
    if (listener.onInfo === undefined) {
      transaction.respond({ status: 415 });
      return;
    }
    transaction.respond({ status: 200 });
    const { contentType, body } = request;
    this.#call.core.guard('onInfo', () => listener.onInfo?.({ contentType, body }));
  }

  /** Resolves with the final status. Never rejects. */
  send(contentType: string, body: string): Promise<number> {
    return new Promise((resolve) => {
      const outgoing = {
        method: 'INFO',
        headers: [['Content-Type', contentType] as const],
        body: Buffer.from(body),
      };
      try {
        this.#call.send(outgoing, ({ status }) => {
          resolve(status);
          if (status === 481 || status === 408) this.#hooks.gone(status);
        });
      } catch (error) {
        this.#call.core.log.warn({ err: error }, 'cannot write an INFO request');
        resolve(400);
      }
    });
  }
}
