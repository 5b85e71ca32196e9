import type {
  EndRequest,
  Legs,
  ListenOptions,
  MachineDetectionOptions,
  PlaceRequest,
  PlayMedia,
  RecordingOrder,
  RecordingOutcome,
  ReferAnswer,
  ReferOutcome,
  StreamOrder,
  TranscriptionListener,
  TranscriptionOrder,
} from '../calls/ports.ts';
import type { StreamListener } from '../media-streams/ports.ts';
import { ApplicationLeg } from './application-leg.ts';
import { BridgeCall } from './bridge-call.ts';
import { ClientDial } from './client-dial.ts';
import type { HostContext } from './host-context.ts';
import { LegCore } from './leg.ts';
import type { BridgeLeg } from './leg.ts';
import { mergeLegs } from './merge.ts';
import { SipOutgoingLeg } from './sip-outgoing-leg.ts';
import { TiedLeg } from './tied-leg.ts';
import type { ReferResult } from '../sip/index.ts';

/** The router's control of this node's legs. Each command is handed to the leg it names, or to nobody. */
export class BridgeLegs implements Legs {
  readonly #context: HostContext;

  constructor(context: HostContext) {
    this.#context = context;
  }

  ring(callSid: string): void {
    this.#get(callSid)?.ring();
  }

  answer(callSid: string): void {
    this.#get(callSid)?.answer();
  }

  end(callSid: string, request: EndRequest): void {
    this.#get(callSid)?.end(request);
  }

  play(callSid: string, playId: string, media: PlayMedia): void {
    const leg = this.#get(callSid);
    leg?.openAudio();
    leg?.core.playback.play(leg.core.media, playId, media);
  }

  stopPlay(callSid: string, playId: string): void {
    this.#get(callSid)?.core.playback.stop(playId);
  }

  announce(callSid: string, announcementSid: string, media: PlayMedia): void {
    const core = this.#get(callSid)?.core;
    core?.announcement.start(core.media, announcementSid, media);
  }

  stopAnnouncement(callSid: string, announcementSid: string): void {
    this.#get(callSid)?.core.announcement.stop(announcementSid);
  }

  place(request: PlaceRequest): void {
    const { callSid, parentCallSid, accountSid } = request;
    if (this.#get(callSid) !== undefined) {
      this.#context.log.error({ callSid }, 'a leg with this CallSid exists already: not placed');
      return;
    }
    const isRoot = parentCallSid === callSid;
    const call = isRoot
      ? new BridgeCall(this.#context, { callSid, accountSid, applicationSid: request.applicationSid })
      : this.#get(parentCallSid)?.core.call;
    if (call === undefined) {
      const message = 'the leg it was dialled for has ended';
      this.#context.router.legEvent({ kind: 'leg-ended', callSid, cause: 'canceled', message, by: 'local' });
      return;
    }
    const core = new LegCore(this.#context, {
      callSid,
      call,
      parentCallSid: isRoot ? undefined : parentCallSid,
      dialled: true,
      parties: { from: request.from, to: request.to },
    });
    call.add(core);
    const leg = this.#create(core, { ...request, applicationSid: call.applicationSid });
    this.#context.table.set(leg);
    void leg.start();
  }

  merge(callSid: string, peerCallSid: string): void {
    const [leg, peer] = [this.#get(callSid), this.#get(peerCallSid)];
    if (leg === undefined || peer === undefined) return;
    if (!mergeLegs(this.#context.clock, leg, peer)) {
      leg.core.log.error({ peerCallSid }, 'legs cannot be merged: not of one call, or one has no media yet');
    }
  }

  unmerge(callSid: string, peerCallSid: string): void {
    const core = this.#get(callSid)?.core;
    if (core?.merge?.peerOf(core).core.callSid === peerCallSid) core.merge.part();
  }

  sendDigits(callSid: string, digits: string): void {
    this.#get(callSid)?.sendDigits(digits);
  }

  answerRefer(referId: string, answer: ReferAnswer): void {
    this.#context.refers.answer(referId, answer);
  }

  refer(callSid: string, uri: string): void {
    const leg = this.#get(callSid);
    if (leg === undefined) return;
    const tell = (outcome: ReferOutcome): void => {
      if (!leg.core.isEnded) leg.core.post({ kind: 'referred', callSid, outcome });
    };
    const control = leg.core.isAnswered ? leg.sip?.control : undefined;
    if (control === undefined) {
      tell({ kind: 'refused', sipStatus: 501, message: 'the party is not reached by SIP' });
      return;
    }
    void control.refer(uri).then((result) => {
      tell(outcomeOf(result));
    });
  }

  startRecording(callSid: string, order: RecordingOrder, stored: (outcome: RecordingOutcome) => void): void {
    const core = this.#get(callSid)?.core;
    if (core === undefined) stored({ kind: 'failed', message: 'the leg has ended' });
    else core.taps.record(core.media, order, stored);
  }

  pauseRecording(callSid: string, recordingSid: string, behavior: 'skip' | 'silence'): void {
    this.#get(callSid)?.core.taps.pause(recordingSid, behavior === 'skip');
  }

  resumeRecording(callSid: string, recordingSid: string): void {
    this.#get(callSid)?.core.taps.resume(recordingSid);
  }

  stopRecording(callSid: string, recordingSid: string): void {
    this.#get(callSid)?.core.taps.stop(recordingSid);
  }

  startStream(callSid: string, order: StreamOrder, listener: StreamListener): void {
    const core = this.#get(callSid)?.core;
    if (core === undefined) listener.ended({ by: 'call' });
    else core.streams.start(core.media, order, listener);
  }

  stopStream(callSid: string, streamSid: string): void {
    this.#get(callSid)?.core.streams.stop(streamSid);
  }

  startTranscription(callSid: string, order: TranscriptionOrder, listener: TranscriptionListener): void {
    const core = this.#get(callSid)?.core;
    if (core === undefined) listener.ended();
    else core.transcriptions.start(core.media, order, listener);
  }

  stopTranscription(callSid: string, transcriptionSid: string): void {
    this.#get(callSid)?.core.transcriptions.stop(transcriptionSid);
  }

  listen(callSid: string, listenId: string, options: ListenOptions): void {
    const core = this.#get(callSid)?.core;
    core?.taps.listen(core.media, listenId, options);
  }

  stopListening(callSid: string, listenId: string): void {
    this.#get(callSid)?.core.taps.stopListening(listenId);
  }

  detectMachine(callSid: string, options: MachineDetectionOptions): void {
    const core = this.#get(callSid)?.core;
    core?.taps.detectMachine(core.media, options);
  }

  lead(callSid: string): void {
    const core = this.#get(callSid)?.core;
    core?.call.lead(core);
  }

  #create(core: LegCore, request: PlaceRequest): BridgeLeg & { start(): Promise<void> } {
    const { target } = request;
    if (target.kind === 'application') return new ApplicationLeg(core, { context: this.#context, request, target });
    if (target.kind === 'client') return new ClientDial(core, { context: this.#context, request, target });
    if (target.kind === 'leg') {
      return new TiedLeg(core, { context: this.#context, request, callSid: target.callSid });
    }
    return new SipOutgoingLeg(core, {
      context: this.#context,
      request,
      onEarlyMedia: (leg) => {
        this.#hearEarly(leg);
      },
    });
  }

  /** The parked parent hears the announcement or ringing of the far end, if it can hear yet. The first one counts. */
  #hearEarly(leg: BridgeLeg): void {
    const parent = this.#get(leg.core.parentCallSid ?? '');
    const [ours, theirs] = [parent?.core.media, leg.core.media];
    if (parent?.canHear !== true || ours === undefined || theirs === undefined) return;
    if (parent.core.merge !== undefined || parent.core.earlyPeer !== undefined) return;
    parent.core.earlyPeer = leg.core;
    parent.core.playback.stopRingback();
    parent.core.call.room?.connect(ours, theirs);
    if (!parent.core.isAnswered) parent.tell({ type: 'ringing', callSid: parent.core.callSid, earlyMedia: true });
  }

  #get(callSid: string): BridgeLeg | undefined {
    return this.#context.table.get(callSid);
  }
}

function outcomeOf({ kind, status, reason }: ReferResult): ReferOutcome {
  if (kind === 'refused') return { kind, sipStatus: status, message: reason };
  return kind === 'done' ? { kind, sipStatus: status } : { kind };
}
