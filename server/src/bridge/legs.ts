import type { EndRequest, Legs, PlaceRequest, PlayMedia } from '../calls/ports.ts';
import { BridgeCall } from './bridge-call.ts';
import { ClientDial } from './client-dial.ts';
import type { HostContext } from './host-context.ts';
import { LegCore } from './leg.ts';
import type { BridgeLeg } from './leg.ts';
import { mergeLegs } from './merge.ts';
import { SipOutgoingLeg } from './sip-outgoing-leg.ts';

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

  place(request: PlaceRequest): void {
    const { callSid, parentCallSid, accountSid } = request;
    if (this.#get(callSid) !== undefined) {
      this.#context.log.error({ callSid }, 'a leg with this CallSid exists already: not placed');
      return;
    }
    const isRoot = parentCallSid === callSid;
    const call = isRoot ? new BridgeCall(this.#context, { callSid, accountSid }) : this.#get(parentCallSid)?.core.call;
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
    });
    call.add(core);
    const leg = this.#create(core, request);
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

  #create(core: LegCore, request: PlaceRequest): BridgeLeg & { start(): Promise<void> } {
    const { target } = request;
    if (target.kind === 'client') return new ClientDial(core, { context: this.#context, request, target });
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
