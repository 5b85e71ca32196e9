import { parseReferEvent } from '../dialog/index.ts';
import type { DialogId } from '../dialog/index.ts';
import { parseNameAddr, reasonPhrase } from '../message/index.ts';
import type { HeaderPair } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import type { ReceivedRefer, ReferOptions, ReferResult } from './api.ts';
import type { CallDialog } from './call-dialog.ts';
import type { CallHooks } from './call-hooks.ts';
import { partyOf, reasonHeader } from './facts.ts';
import { readRefer, referredByOf, writeReferTo } from './refer-requests.ts';
import { ReferReports } from './refer-reports.ts';
import { ReferSubscription } from './refer-subscription.ts';
import { respondSafely } from './replies.ts';
import { NO_TRANSFER } from './default-reasons.ts';

/** Most transfers of each direction that are under way in one call. */
const MAX_TRANSFERS = 4;

/** REFER and NOTIFY in one answered call (RFC 3515). The reports may outlive the call itself (RFC 5057). */
export class Transfers {
  readonly #call: CallDialog;
  readonly #hooks: CallHooks;
  /** Nothing is under way any more. */
  readonly #idle: () => void;
  /** Ours, by CSeq number of the REFER. */
  readonly #asked = new Map<number, ReferSubscription>();
  /** The peer's, likewise. */
  readonly #reports = new Map<number, ReferReports>();

  constructor(call: CallDialog, hooks: CallHooks, idle: () => void) {
    this.#call = call;
    this.#hooks = hooks;
    this.#idle = idle;
  }

  get active(): boolean {
    return this.#asked.size + this.#reports.size > 0;
  }

  /** Asks the peer to call `target`, in the place of the dialog `replaced` where one is given. */
  refer(target: string, options: ReferOptions, replaced?: DialogId): Promise<ReferResult> {
    const referTo = writeReferTo(target, replaced);
    const refused = (status: number, reason: string): Promise<ReferResult> =>
      Promise.resolve({ kind: 'refused', status, reason });
    if (referTo === undefined) return refused(400, `${target} is no SIP or tel URI that a call can be sent to`);
    if (this.#asked.size >= MAX_TRANSFERS) return refused(491, 'Too Many Transfers Under Way');
    const { core, dialog } = this.#call;
    const headers: HeaderPair[] = [
      ...core.selfHeaders(),
      ['Refer-To', referTo],
      ['Referred-By', options.referredBy ?? referredByOf(dialog.local)],
      ...(options.reports === false ? [['Refer-Sub', 'false'] as const] : []),
    ];
    let ids: number[] = [];
    const subscription = new ReferSubscription(core, options, () => {
      for (const id of ids) this.#asked.delete(id);
      this.#settled();
    });
    try {
      this.#call.send(
        {
          method: 'REFER',
          headers,
          // A NOTIFY may come before the 202, and names the REFER that was accepted: each attempt counts.
          started: ({ request }) => {
            const id = request.cseq?.number ?? 0;
            ids = [...ids, id];
            this.#asked.set(id, subscription);
          },
        },
        ({ status, response }) => {
          subscription.answered(status, response?.reason ?? reasonPhrase(status), response);
          if (status === 481 || status === 408) this.#hooks.gone(status);
        },
      );
    } catch (error) {
      core.log.warn({ err: error }, 'cannot write a REFER request');
      return refused(400, 'the REFER cannot be written');
    }
    return subscription.result;
  }

  handleRefer(transaction: ServerTransaction): void {
    const { request } = transaction;
    const read = readRefer(request);
    if (read === undefined) {
      transaction.respond({ status: 400, reason: 'Bad Request (Refer-To is missing or cannot be used)' });
      return;
    }
    const listener = this.#hooks.listener();
    if (listener.onRefer === undefined) {
      transaction.respond({ status: 603, headers: reasonHeader(NO_TRANSFER) });
      return;
    }
    if (this.#reports.size >= MAX_TRANSFERS) {
      transaction.respond({ status: 486 });
      return;
    }
    const refer = this.#received(transaction, read);
    this.#call.core.guard('onRefer', () => listener.onRefer?.(refer));
  }

  /** A report on a REFER of ours. */
  handleNotify(transaction: ServerTransaction): void {
    const { request } = transaction;
    const event = parseReferEvent(request.headers.get('event'));
    if (event === undefined) {
      transaction.respond({ status: 489, headers: [['Allow-Events', 'refer']] });
      return;
    }
    // RFC 3515 section 2.4.6: the first REFER of a dialog may go without id.
    const subscription = event.id === undefined ? this.#asked.values().next().value : this.#asked.get(event.id);
    if (subscription === undefined) transaction.respond({ status: 481 });
    else if (subscription.notified(request)) transaction.respond({ status: 200 });
    else transaction.respond({ status: 400, reason: 'Bad Request (Subscription-State is missing or malformed)' });
  }

  /** The dialog is gone for good: nothing more can be sent or heard. */
  close(): void {
    for (const subscription of [...this.#asked.values()]) subscription.lost();
    for (const reports of [...this.#reports.values()]) reports.close();
    this.#asked.clear();
    this.#reports.clear();
  }

  #received(transaction: ServerTransaction, read: NonNullable<ReturnType<typeof readRefer>>): ReceivedRefer {
    const { request } = transaction;
    const { core } = this.#call;
    const id = request.cseq?.number ?? 0;
    const subscribed = !/^\s*false\b/i.test(request.headers.get('refer-sub') ?? '');
    const referrer = request.headers.typed('referred-by', parseNameAddr);
    let reports: ReferReports | undefined;
    let decided = false;
    return {
      target: partyOf(read.target.uri, read.target.displayName),
      referredBy: referrer === undefined ? undefined : partyOf(referrer.uri, referrer.displayName),
      invite: read.invite,
      subscribed,
      accept: () => {
        if (decided) return;
        decided = true;
        const headers: HeaderPair[] = [
          ...core.selfHeaders(transaction.source),
          ...(subscribed ? [] : [['Refer-Sub', 'false'] as const]),
        ];
        transaction.respond({ status: subscribed ? 202 : 200, headers });
        if (!subscribed) return;
        reports = new ReferReports(this.#call, id, () => {
          this.#reports.delete(id);
          this.#settled();
        });
        this.#reports.set(id, reports);
        reports.dispatch({ kind: 'accept' });
      },
      reject: (status, options = {}) => {
        if (decided) return;
        decided = true;
        const usable = Number.isInteger(status) && status >= 300 && status < 700 ? status : 603;
        const reason = options.reason === undefined ? {} : { reason: options.reason };
        respondSafely(core, transaction, { status: usable, ...reason, headers: reasonHeader(options.sipReason) });
      },
      progress: (status, reason = reasonPhrase(status)) => {
        reports?.dispatch({ kind: 'report', status, reason });
      },
    };
  }

  #settled(): void {
    if (!this.active) this.#idle();
  }
}
