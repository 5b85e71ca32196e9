import type { Timer } from '../../kernel/index.ts';
import type { Dialog } from '../dialog/index.ts';
import type { SipResponse } from '../message/index.ts';
import { reasonPhrase } from '../message/index.ts';
import type { ReinviteFailure } from './api.ts';
import { SDP_TYPE } from './core.ts';
import type { Core } from './core.ts';
import type { DigestClient } from './digest.ts';
import { acknowledge, sendInDialog } from './exchange.ts';

export type ReinviteResult = { readonly ok: true; readonly sdp: string | undefined } | ReinviteFailure;

export interface ReinviteOptions {
  readonly dialog: Dialog;
  readonly sdp: string;
  readonly digest: DigestClient | undefined;
  readonly caller: boolean;
  /** Over, whatever the result. */
  readonly done: () => void;
  /** 481, 408 or silence. */
  readonly dialogGone: (status: number) => void;
}

/** Most tries against glare. */
const MAX_ATTEMPTS = 5;

/** One change offered by us, over as many re-INVITEs as glare takes (RFC 3261 section 14.1). */
export class OutgoingReinvite {
  readonly result: Promise<ReinviteResult>;
  readonly #core: Core;
  readonly #options: ReinviteOptions;
  readonly #resolve: (result: ReinviteResult) => void;
  #attempts = 0;
  #pending = false;
  #over = false;
  #retry: Timer | undefined;
  #repeatAck: (() => void) | undefined;

  constructor(core: Core, options: ReinviteOptions) {
    this.#core = core;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<ReinviteResult>();
    this.result = promise;
    this.#resolve = resolve;
  }

  /** A re-INVITE is out and not answered: one of the peer would be glare. */
  get pending(): boolean {
    return this.#pending;
  }

  start(): void {
    this.#pending = true;
    this.#attempts++;
    this.#repeatAck = undefined;
    const outgoing = {
      method: 'INVITE',
      headers: [...this.#core.selfHeaders(), ['Content-Type', SDP_TYPE] as const],
      body: Buffer.from(this.#options.sdp),
      digest: this.#options.digest,
    };
    sendInDialog(this.#core, this.#options.dialog, outgoing, ({ status, response }) => {
      this.#pending = false;
      if (response !== undefined && status < 300) this.#accepted(response);
      else this.#refused(status, response);
    });
  }

  /** The call ended meanwhile. */
  abandon(): void {
    this.#retry?.cancel();
    this.#finish({ ok: false, status: 481, reason: 'The Call Is Over' });
  }

  #accepted(response: SipResponse): void {
    if (this.#repeatAck !== undefined) {
      this.#repeatAck();
      return;
    }
    const { dialog } = this.#options;
    dialog.refreshTarget(response.contact);
    // Acknowledged even when the call ended meanwhile: the peer would repeat its 2xx otherwise.
    this.#repeatAck = acknowledge(this.#core, dialog, response);
    this.#finish({ ok: true, sdp: response.sdp });
  }

  #refused(status: number, response: SipResponse | undefined): void {
    if (this.#over) return;
    if (status === 491 && this.#attempts < MAX_ATTEMPTS) {
      // Section 14.1, in units of 10 ms: the owner of the Call-ID waits 2.1-4 s, the other side 0-2 s.
      const units = this.#core.random.int(this.#options.caller ? 191 : 201);
      this.#retry = this.#core.clock.setTimer((this.#options.caller ? 2100 : 0) + units * 10, () => {
        this.start();
      });
      return;
    }
    this.#finish({ ok: false, status, reason: response?.reason ?? reasonPhrase(status) });
    if (status === 481 || status === 408) this.#options.dialogGone(status);
  }

  #finish(result: ReinviteResult): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.done();
    this.#resolve(result);
  }
}
