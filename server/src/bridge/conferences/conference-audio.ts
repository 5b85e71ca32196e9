import type {
  ConferenceMedia,
  ConferenceMediaEvent,
  MixSettings,
  PartyAt,
  PlayMedia,
  RecordingOrder,
  RecordingOutcome,
} from '../../calls/ports.ts';
import { describeError } from '../../kernel/index.ts';
import type { MixLegMedia, Mixer, Room } from '../../media/ports.ts';
import { frameSource } from '../frame-sources.ts';
import { LegTaps } from '../leg-taps.ts';
import type { HostContext } from '../host-context.ts';
import { audioAt } from './tie-desk.ts';
import type { TieDesk } from './tie-desk.ts';

type Listener = (event: ConferenceMediaEvent) => void;

/** A participant in the mix of its conference. */
interface Place {
  settings: MixSettings;
  mix: MixLegMedia | undefined;
  /** Undoes everything; idempotent. */
  leave: () => void;
}

interface Mix {
  readonly mixer: Mixer;
  readonly listener: Listener;
  readonly places: Map<string, Place>;
  /** Its recordings; made with the first of them. */
  taps: LegTaps | undefined;
  /** For participants of other nodes; made with the first of them. */
  room: Promise<Room> | undefined;
}

/**
 * The audio of the conferences that this node owns: a mixer each. A leg of this node is connected with its place in the mix
 * within its own call's room; a leg of another node is tied to a port here, which is connected with its place.
 */
export class ConferenceAudio implements ConferenceMedia {
  readonly #context: HostContext;
  readonly #ties: TieDesk;
  readonly #mixes = new Map<string, Mix>();

  constructor(context: HostContext, ties: TieDesk) {
    this.#context = context;
    this.#ties = ties;
  }

  /** Conferences with audio here, for leak checks. */
  get size(): number {
    return this.#mixes.size;
  }

  open(conferenceSid: string, listener: Listener): void {
    const mixer = this.#context.media.createMixer({ id: conferenceSid });
    this.#mixes.set(conferenceSid, { mixer, listener, places: new Map(), taps: undefined, room: undefined });
  }

  add(conferenceSid: string, party: PartyAt, settings: MixSettings): void {
    const mix = this.#mixes.get(conferenceSid);
    if (mix === undefined || mix.places.has(party.callSid)) return;
    const place: Place = { settings, mix: undefined, leave: () => undefined };
    mix.places.set(party.callSid, place);
    const joined =
      party.node === this.#context.rpc.node ? this.#addOwn(mix, party, place) : this.#addFar(mix, party, place);
    joined.catch((error: unknown) => {
      if (mix.places.get(party.callSid) !== place) return;
      mix.listener({ kind: 'failed', callSid: party.callSid, message: describeError(error) });
    });
  }

  set(conferenceSid: string, callSid: string, change: Partial<MixSettings>): void {
    const place = this.#mixes.get(conferenceSid)?.places.get(callSid);
    if (place === undefined) return;
    place.settings = { ...place.settings, ...change };
    place.mix?.set(place.settings);
  }

  remove(conferenceSid: string, callSid: string): void {
    const places = this.#mixes.get(conferenceSid)?.places;
    const place = places?.get(callSid);
    places?.delete(callSid);
    place?.leave();
  }

  play(conferenceSid: string, playId: string, media: PlayMedia): void {
    const mix = this.#mixes.get(conferenceSid);
    if (mix === undefined) return;
    const tell = (ok: boolean): void => {
      if (this.#mixes.get(conferenceSid) === mix) mix.listener({ kind: 'play-ended', playId, ok });
    };
    try {
      void mix.mixer.play(frameSource(media)).done.then((end) => {
        tell(end === 'finished');
      });
    } catch (error) {
      this.#context.log.warn({ err: error, conferenceSid }, `nothing to play: ${describeError(error)}`);
      queueMicrotask(() => {
        tell(false);
      });
    }
  }

  startRecording(
    conferenceSid: string,
    party: { readonly accountSid: string; readonly callSid: string },
    order: RecordingOrder,
    stored: (outcome: RecordingOutcome) => void,
  ): void {
    const mix = this.#mixes.get(conferenceSid);
    if (mix === undefined) {
      stored({ kind: 'failed', message: 'the conference has ended' });
      return;
    }
    const { clock, log, recordings } = this.#context;
    mix.taps ??= new LegTaps({ ...party, clock, log, recordings, recognizer: undefined, post: () => undefined });
    mix.taps.record(mix.mixer, order, stored);
  }

  changeRecording(
    conferenceSid: string,
    recordingSid: string,
    change: 'pause' | 'pause-skip' | 'resume' | 'stop',
  ): void {
    const taps = this.#mixes.get(conferenceSid)?.taps;
    if (change === 'stop') taps?.stop(recordingSid);
    else if (change === 'resume') taps?.resume(recordingSid);
    else taps?.pause(recordingSid, change === 'pause-skip');
  }

  close(conferenceSid: string): void {
    const mix = this.#mixes.get(conferenceSid);
    if (mix === undefined) return;
    this.#mixes.delete(conferenceSid);
    mix.taps?.close();
    for (const place of mix.places.values()) place.leave();
    const closing = Promise.all([mix.mixer.close(), mix.room?.then((room) => room.close())]);
    closing.catch((error: unknown) => {
      this.#context.log.warn({ err: error, conferenceSid }, `a mix did not close: ${describeError(error)}`);
    });
  }

  async #addOwn(mix: Mix, { callSid }: PartyAt, place: Place): Promise<void> {
    const core = this.#context.table.get(callSid)?.core;
    const leg = core?.media;
    if (core === undefined || leg === undefined) throw new Error('its call has ended');
    const room = await core.call.open();
    if (mix.places.get(callSid) !== place || core.isEnded) return;
    const own = this.#place(mix, { callSid, room, place });
    room.connect(leg, own);
    place.leave = () => {
      room.disconnect(leg, own);
      void own.close();
    };
    core.defer(place.leave);
  }

  async #addFar(mix: Mix, party: PartyAt, place: Place): Promise<void> {
    const { callSid } = party;
    mix.room ??= this.#context.media.createRoom({ id: mix.mixer.id });
    const room = await mix.room;
    const port = await room.createSipLeg({ id: callSid });
    const wanted = (): boolean => mix.places.get(callSid) === place;
    try {
      const address = await this.#ties.offer(party, port);
      if (!wanted()) throw new Error('it has left meanwhile');
      port.update(audioAt(address));
    } catch (error) {
      await port.close();
      if (!wanted()) await this.#ties.release(party);
      throw error;
    }
    const far = this.#place(mix, { callSid, room, place });
    room.connect(port, far);
    place.leave = () => {
      void far.close();
      void port.close();
      void this.#ties.release(party);
    };
  }

  #place(mix: Mix, { callSid, room, place }: { callSid: string; room: Room; place: Place }): MixLegMedia {
    const own = room.createMixLeg({ id: callSid, mixer: mix.mixer });
    own.set(place.settings);
    own.on('talking', ({ talking }) => {
      mix.listener({ kind: 'talking', callSid, talking });
    });
    place.mix = own;
    return own;
  }
}
