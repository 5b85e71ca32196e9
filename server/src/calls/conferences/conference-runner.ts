import { Mailbox, describeError } from '../../kernel/index.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import type { Callbacks, EventSink, Instructions, PlayMedia, Prompts } from '../ports.ts';
import { announce } from './announcer.ts';
import type { Announcement, ConferenceEffect, ConferenceInput, ConferenceNews } from './conference-io.ts';
import { stepConference } from './conference-machine.ts';
import type { ConferenceState, RecordWish } from './conference-state.ts';
import type { ConferenceMedia, ConferenceMediaEvent, PartyAt } from './ports.ts';

export interface ConferenceRunnerOptions {
  readonly initial: ConferenceState;
  readonly media: ConferenceMedia;
  readonly events: EventSink;
  readonly callbacks: Callbacks;
  readonly instructions: Instructions;
  readonly prompts: Prompts;
  readonly clock: Clock;
  readonly log: Log;
  /** Records the whole of it until its end. */
  readonly record: (callSid: string, wish: RecordWish) => void;
  /** Tells a participant's call. Resolves to false when its node does not take it. */
  readonly tell: (party: PartyAt, news: ConferenceNews) => Promise<boolean>;
  /** It is over. Called once. */
  readonly onClosed: () => void;
}

/** Inputs that may wait for one conference. */
const MAILBOX_CAPACITY = 10_000;

/** One conference on its owner node: its mailbox, its state, and its announcements. Closes itself when nobody is left. */
export class ConferenceRunner {
  readonly #options: ConferenceRunnerOptions;
  readonly #mailbox: Mailbox<ConferenceInput>;
  readonly #abort = new AbortController();
  readonly #plays = new Map<string, (ok: boolean) => void>();
  readonly #log: Log;
  #state: ConferenceState;
  #played = 0;
  #closed = false;

  constructor(options: ConferenceRunnerOptions) {
    const { initial, log, media } = options;
    this.#options = options;
    this.#state = initial;
    this.#log = log.child({ conferenceSid: initial.sid, accountSid: initial.accountSid });
    this.#mailbox = new Mailbox<ConferenceInput>({
      capacity: MAILBOX_CAPACITY,
      handle: (input) => {
        this.#step(input);
      },
      onError: (error, input) => {
        this.#log.error({ err: error }, `a conference failed at "${input.kind}": ${describeError(error)}`);
      },
    });
    media.open(initial.sid, (event) => {
      this.#onMedia(event);
    });
  }

  get state(): ConferenceState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** False when it is over, or too much waits. */
  post(input: ConferenceInput): boolean {
    return !this.#closed && this.#mailbox.post(input);
  }

  /** Ends it when everybody has heard this. */
  endAfter(announcement: Announcement): void {
    void this.#announce(announcement).then(() => this.post({ kind: 'end' }));
  }

  #step(input: ConferenceInput): void {
    if (this.#closed) return;
    const { state, effects } = stepConference(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #onMedia(event: ConferenceMediaEvent): void {
    if (event.kind === 'talking') this.post(event);
    else if (event.kind === 'failed') {
      this.#log.warn({ callSid: event.callSid }, `a participant has no audio: ${event.message}`);
      this.post({ kind: 'media-failed', callSid: event.callSid, message: event.message });
    } else {
      this.#plays.get(event.playId)?.(event.ok);
      this.#plays.delete(event.playId);
    }
  }

  #perform(effect: ConferenceEffect): void {
    const { media, events } = this.#options;
    const { sid, accountSid } = this.#state;
    switch (effect.kind) {
      case 'tell':
        void this.#tell(effect.party, effect.news);
        return;
      case 'mix-add':
        media.add(sid, effect.party, effect.settings);
        return;
      case 'mix-set':
        media.set(sid, effect.callSid, effect.change);
        return;
      case 'mix-remove':
        media.remove(sid, effect.callSid);
        return;
      case 'beep':
        media.play(sid, `beep-${String(++this.#played)}`, { kind: 'beep', which: effect.which });
        return;
      case 'announce':
        void this.#announce(effect.announcement);
        return;
      case 'record':
        this.#options.record(effect.callSid, effect.wish);
        return;
      case 'emit': {
        const { type, data } = effect;
        const { sequence } = data;
        events.emit({ accountSid, type, subject: sid, data, ...(sequence === undefined ? {} : { sequence }) });
        return;
      }
      case 'callback':
        this.#callback(effect);
        return;
      case 'closed':
        this.#close();
    }
  }

  async #tell(party: PartyAt, news: ConferenceNews): Promise<void> {
    const taken = await this.#options.tell(party, news);
    if (taken || news.kind === 'removed' || news.kind === 'refused') return;
    this.post({ kind: 'leave', callSid: party.callSid, reason: 'participant-lost', callStatus: 'failed' });
  }

  async #announce(announcement: Announcement): Promise<void> {
    const { instructions, prompts } = this.#options;
    const { accountSid, sid: conferenceSid, name: friendlyName } = this.#state;
    const play = (media: PlayMedia): Promise<boolean> => this.#play(media);
    const facts = { accountSid, conferenceSid, friendlyName };
    const problem = await announce(announcement, { ...facts, instructions, prompts, play }, this.#abort.signal).catch(
      describeError,
    );
    this.post({ kind: 'announced', url: announcement.url, problem });
  }

  #play(media: PlayMedia): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    const playId = `announcement-${String(++this.#played)}`;
    const done = Promise.withResolvers<boolean>();
    this.#plays.set(playId, done.resolve);
    this.#options.media.play(this.#state.sid, playId, media);
    return done.promise;
  }

  /** In the conference's own order. */
  #callback({ url, method, params }: Extract<ConferenceEffect, { kind: 'callback' }>): void {
    const { clock, callbacks } = this.#options;
    const Timestamp = new Date(clock.now()).toUTCString().replace('GMT', '+0000');
    const { accountSid, sid } = this.#state;
    callbacks.send({ accountSid, callSid: sid, url, method, params: { ...params, Timestamp } });
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.close();
    this.#abort.abort(new Error('the conference is over'));
    for (const settle of this.#plays.values()) settle(false);
    this.#plays.clear();
    this.#options.media.close(this.#state.sid);
    this.#options.onClosed();
  }
}
