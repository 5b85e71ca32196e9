import { createSdpSession } from '../../sip/index.ts';
import type { IncomingCall, NegotiatedAudio, OutgoingCall, SdpSession, UserAgent } from '../../sip/index.ts';
import { createStandaloneLeg } from '../../media/index.ts';
import type { FrameSource, G711Codec, Playback, SipLegMedia } from '../../media/index.ts';
import { systemClock, systemRandom } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import { CallRecorder } from './recorder.ts';

/** Steps of a simulated call, as told to the user. */
export type TelephoneStep =
  | { readonly step: 'calling'; readonly to: string }
  | { readonly step: 'ringing' }
  | { readonly step: 'incoming'; readonly from: string; readonly to: string }
  | { readonly step: 'answered'; readonly codec: string; readonly rtp: string }
  | { readonly step: 'digit'; readonly digit: string }
  | { readonly step: 'failed'; readonly status: number; readonly reason: string }
  | { readonly step: 'ended'; readonly by: 'caller' | 'far end' | 'network'; readonly reason?: string };

export interface TelephoneOptions {
  /** Address of the SIP and RTP sockets. */
  readonly address: string;
  readonly codec: G711Codec;
  readonly source: () => FrameSource;
  readonly digits: string | undefined;
  readonly log: Log;
  readonly tell: (step: TelephoneStep) => void;
}

/** One call of a simulated telephone: media, what it says, what it hears. Ends itself when the far end does. */
export class TelephoneCall {
  readonly recorder = new CallRecorder();
  readonly #options: TelephoneOptions;
  readonly #leg: SipLegMedia;
  readonly #sdp: SdpSession;
  readonly #up = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<'answered' | 'failed'>();
  #playback: Playback | undefined;
  #answered = false;

  private constructor(options: TelephoneOptions, leg: SipLegMedia) {
    this.#options = options;
    this.#leg = leg;
    const codecs: G711Codec[] = options.codec === 'PCMU' ? ['PCMU', 'PCMA'] : ['PCMA', 'PCMU'];
    this.#sdp = createSdpSession({ address: leg.local.address, port: leg.local.port, codecs }, systemRandom);
    leg.addSink(this.recorder);
    leg.on('dtmf', ({ digit }) => {
      options.tell({ step: 'digit', digit });
    });
  }

  static async open(options: TelephoneOptions): Promise<TelephoneCall> {
    const { address, log } = options;
    const leg = await createStandaloneLeg({ id: 'telephone', address, clock: systemClock, random: systemRandom, log });
    return new TelephoneCall(options, leg);
  }

  /** Resolves when the far end answered. Never, when it does not. */
  answered(): Promise<void> {
    return this.#up.promise;
  }

  /** Resolves when the call is over and its ports are free: whether it was ever answered. */
  async over(): Promise<'answered' | 'failed'> {
    const how = await this.#over.promise;
    await this.#leg.close();
    return how;
  }

  place(agent: UserAgent, target: string, from: string, ringMs: number): OutgoingCall {
    const { tell } = this.#options;
    const options = { target, from: { uri: from }, sdp: this.#sdp.createOffer(), timeoutMs: ringMs };
    return agent.invite(options, {
      onProvisional: ({ sdp }) => {
        tell({ step: 'ringing' });
        if (sdp !== undefined && this.#sdp.audio === undefined) this.#hear(this.#sdp.acceptAnswer(sdp));
      },
      onAnswered: ({ sdp }) => {
        const audio =
          sdp === undefined || this.#sdp.audio !== undefined ? this.#sdp.audio : this.#sdp.acceptAnswer(sdp);
        if (audio !== undefined) this.#hear(audio);
        this.#talk();
      },
      onFailed: ({ status, reason, sipReason }) => {
        tell({ step: 'failed', status, reason: sipReason?.text ?? reason });
        this.#over.resolve('failed');
      },
      onReinvite: (offer) => this.#reinvited(offer),
      onEnded: (end) => {
        this.#ended(end.by, end.reason?.text);
      },
    });
  }

  /** @throws SdpError when the offer cannot be answered */
  accept(call: IncomingCall): void {
    this.#options.tell({ step: 'incoming', from: call.from.user, to: call.requestUri.user });
    call.listen({
      onReinvite: (offer) => this.#reinvited(offer),
      onEnded: (end) => {
        this.#ended(end.by, end.reason?.text);
      },
      onCancelled: () => {
        this.#ended('remote', 'the caller gave up');
      },
    });
    if (call.remoteOffer === undefined) {
      call.reject(488, { reason: 'An offer is needed' });
      this.#over.resolve('failed');
      return;
    }
    const { sdp, audio } = this.#sdp.answerOffer(call.remoteOffer);
    this.#hear(audio);
    call.ring();
    call.answer(sdp);
    this.#talk();
  }

  #hear(audio: NegotiatedAudio): void {
    if (audio.remoteAddress === undefined) return;
    this.#leg.update({
      address: audio.remoteAddress,
      port: audio.remotePort,
      rtcpPort: audio.remoteRtcpPort,
      codec: audio.codec,
      direction: audio.direction,
      ...(audio.telephoneEvent === undefined ? {} : { telephoneEvent: audio.telephoneEvent }),
    });
  }

  #talk(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#up.resolve();
    const audio = this.#sdp.audio;
    const rtp = `${audio?.remoteAddress ?? 'unknown'}:${audio?.remotePort ?? 0}`;
    this.#options.tell({ step: 'answered', codec: audio?.codec ?? 'none', rtp });
    this.#playback = this.#leg.play(this.#options.source(), { loop: true });
    if (this.#options.digits !== undefined) void this.#leg.sendDtmf(`W${this.#options.digits}`);
  }

  #reinvited(offer: string | undefined): { sdp: string } {
    if (offer === undefined) return { sdp: this.#sdp.createOffer() };
    const { sdp, audio } = this.#sdp.answerOffer(offer);
    this.#hear(audio);
    return { sdp };
  }

  #ended(by: 'local' | 'remote' | 'network', reason: string | undefined): void {
    const names = { local: 'caller', remote: 'far end', network: 'network' } as const;
    this.#options.tell({ step: 'ended', by: names[by], ...(reason === undefined ? {} : { reason }) });
    this.#playback?.stop();
    this.#over.resolve(this.#answered ? 'answered' : 'failed');
  }
}
