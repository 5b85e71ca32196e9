import { Dialog } from '../dialog/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type { DigestClient } from '../digest/index.ts';
import type { SipReason } from './api.ts';
import { CallDialog } from './call-dialog.ts';
import type { Core } from './core.ts';
import { EarlyDialog } from './early-dialog.ts';
import type { EarlyDialogHooks, ProvisionalNews } from './early-dialog.ts';
import { acknowledgeAndEnd } from './exchange.ts';
import type { Acceptance, Acknowledgement } from './exchange.ts';
import type { SessionTimer } from './session-timer.ts';
import { Updates } from './updates.ts';

export interface ForksParts {
  readonly localTag: string;
  readonly digest: DigestClient | undefined;
  readonly timer: SessionTimer;
  readonly flow: Endpoint | undefined;
  /** The INVITE carries our offer. */
  readonly offered: boolean;
  readonly hooks: EarlyDialogHooks;
}

/** A fork that was answered. */
export interface AnsweredFork {
  readonly call: CallDialog;
  readonly updates: Updates;
  /** What the peer said about media before, when the application does not have it from this fork. */
  readonly untold: string | undefined;
}

/** Most forks that are told apart: further ones ring without dialogs. */
const MAX_FORKS = 32;

/** The dialogs that one INVITE of ours makes: early ones by fork, the answered one, unwanted answers (13.2.2.4). */
export class Forks {
  readonly #core: Core;
  readonly #parts: ForksParts;
  readonly #early = new Map<string, EarlyDialog>();
  readonly #unwanted = new Map<string, Acknowledgement>();
  /** Whose description the application heard of last. */
  #told: string | undefined;

  constructor(core: Core, parts: ForksParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /** The only early dialog, while there is one. */
  get single(): EarlyDialog | undefined {
    return this.#early.size === 1 ? this.#early.values().next().value : undefined;
  }

  /** The fork that takes an offer of ours now: the one heard of last among those that agreed. */
  get agreed(): EarlyDialog | undefined {
    return [...this.#early.values()].findLast(({ call }) => call.offerAnswer === 'agreed');
  }

  /** A provisional response above 100. Undefined: nothing new. */
  provisional(request: SipRequest, response: SipResponse): ProvisionalNews | undefined {
    const tag = response.toTag;
    const early = tag === undefined ? undefined : this.#find(tag, request, response);
    if (early === undefined) return { sdp: this.#parts.offered ? response.sdp : undefined };
    const news = early.receive(request, response);
    if (news?.sdp !== undefined) this.#told = early.tag;
    return news;
  }

  /** A 2xx. Undefined when its Record-Route is unusable. */
  answered({ request, response }: Acceptance): AnsweredFork | undefined {
    const tag = response.toTag ?? '';
    const early = this.#early.get(tag);
    if (early === undefined) {
      const call = this.#create(request, response);
      if (call === undefined) return undefined;
      const { listener } = this.#parts.hooks;
      return { call, updates: new Updates(call, { listener, gone: () => undefined }), untold: undefined };
    }
    if (!early.call.dialog.confirm(response)) return undefined;
    early.leave();
    return { call: early.call, updates: early.updates, untold: this.#told === tag ? undefined : early.sdp };
  }

  /** Acknowledges an answer that nobody wants and ends its dialog. Undefined when that cannot be done. */
  refuse(acceptance: Acceptance, reason: SipReason): void {
    const tag = acceptance.response.toTag ?? '';
    const fork = this.answered(acceptance);
    if (fork === undefined) return;
    fork.updates.close();
    const bye = { reason, digest: this.#parts.digest };
    this.#unwanted.set(tag, acknowledgeAndEnd(this.#core, fork.call.dialog, acceptance, bye));
  }

  /** The unwanted answer came again: so does its ACK. False when it is none of those. */
  repeat(tag: string): boolean {
    const acknowledgement = this.#unwanted.get(tag);
    acknowledgement?.repeat();
    return acknowledgement !== undefined;
  }

  /** Ends one fork. `say`: by BYE. */
  end(tag: string, say?: { readonly reason: SipReason | undefined }): boolean {
    const early = this.#early.get(tag);
    if (early === undefined) return false;
    this.#early.delete(tag);
    if (say === undefined) early.close();
    else early.bye(say.reason);
    return true;
  }

  /**
   * The INVITE has its final response: the forks that were not answered are over. Their numbers are kept for a 2xx that
   * still comes.
   */
  close(answered?: CallDialog): void {
    for (const early of this.#early.values()) if (early.call !== answered) early.close();
  }

  /** The INVITE was refused and is repeated with credentials or a longer interval: its early dialogs are over. */
  reset(): void {
    this.close();
    this.#early.clear();
    this.#told = undefined;
  }

  #find(tag: string, request: SipRequest, response: SipResponse): EarlyDialog | undefined {
    const known = this.#early.get(tag);
    if (known !== undefined || this.#early.size >= MAX_FORKS) return known;
    const call = this.#create(request, response);
    if (call === undefined) return undefined;
    const early = new EarlyDialog(call, this.#parts.hooks);
    this.#early.set(tag, early);
    return early;
  }

  #create(request: SipRequest, response: SipResponse): CallDialog | undefined {
    const { localTag, digest, timer, flow, offered } = this.#parts;
    const dialog = Dialog.ofResponse(request, response, { localTag, contact: this.#core.contact, flow });
    if (dialog === undefined) return undefined;
    return new CallDialog(this.#core, {
      dialog,
      digest,
      timer,
      caller: true,
      offerAnswer: offered ? { name: 'offered', before: 'idle' } : { name: 'idle' },
    });
  }
}
