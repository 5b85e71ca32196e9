import type { EndRequest, PlaceRequest } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { SipLegMedia } from '../media/ports.ts';
import type { SipReason } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';
import type { BridgeLeg, LegCore } from './leg.ts';

/** Told to a peer whose place somebody else has taken. */
const REPLACED: SipReason = { protocol: 'SIP', cause: 200, text: 'The call was transferred' };

interface Joined {
  readonly context: HostContext;
  readonly request: PlaceRequest;
  readonly callSid: string;
}

/**
 * One end of a tie between two calls of this node (attended transfer): what is said to it is heard from its twin. The tie
 * is RTP between two ports of ours, so that both calls keep their rooms, their legs and their instructions.
 *
 * The first end is placed like any leg; the second one takes the far end's place on a leg that is there already.
 */
export class TiedLeg implements BridgeLeg {
  readonly core: LegCore;
  readonly #joined: Joined | undefined;
  #twin: TiedLeg | undefined;

  /** @param joined for the first end: whose place its twin is to take */
  constructor(core: LegCore, joined?: Joined) {
    this.core = core;
    this.#joined = joined;
    core.defer(() => {
      this.#twin = undefined;
    });
  }

  get canHear(): boolean {
    return this.core.isAnswered;
  }

  /** Takes the place of the far end of the other leg. Never rejects: what goes wrong ends the leg. */
  async start(): Promise<void> {
    if (this.#joined === undefined) return;
    const { context, request, callSid } = this.#joined;
    try {
      const room = await this.core.call.open();
      const media = await room.createSipLeg({ id: this.core.callSid });
      if (!this.core.attach(media)) return;
      const other = context.table.get(callSid);
      const theirs = other?.core.media;
      if (
        other?.sip === undefined ||
        theirs?.kind !== 'sip' ||
        !other.core.isAnswered ||
        other.core.call.accountSid !== request.accountSid
      ) {
        const message = 'the call to be joined has ended meanwhile';
        this.core.finish({ cause: 'unreachable', message, by: 'local', sipStatus: 481 });
        return;
      }
      const { control } = other.sip;
      other.sip.detach();
      const twin = new TiedLeg(other.core);
      [this.#twin, twin.#twin] = [twin, this];
      context.table.set(twin);
      other.core.farEndChanged(twin, request.from);
      connect(media, theirs);
      connect(theirs, media);
      control?.bye(REPLACED);
      this.core.answered(request.to);
    } catch (error) {
      this.core.finish({ cause: 'internal-error', message: `no media: ${describeError(error)}`, by: 'local' });
    }
  }

  ring(): void {
    // Both ends are answered from the beginning.
  }
  answer(): void {
    // Both ends are answered from the beginning.
  }
  openAudio(): void {
    // Both ends are answered from the beginning.
  }
  tell(): void {
    // There is no device behind it.
  }

  end(request: EndRequest): void {
    if (this.core.isEnded) return;
    const twin = this.#twin;
    this.core.finish({ cause: request.cause, message: request.message, by: 'local' });
    twin?.core.finish({ cause: twin.core.hangupCause, message: 'the party behind it has left', by: 'remote' });
  }

  sendDigits(digits: string): void {
    this.#twin?.core.digits(digits, digits.toUpperCase().match(/[0-9A-D*#]/g) ?? []);
  }
}

function connect(media: SipLegMedia, peer: SipLegMedia): void {
  media.update({ ...peer.inside, codec: 'PCMU', direction: 'sendrecv' });
}
