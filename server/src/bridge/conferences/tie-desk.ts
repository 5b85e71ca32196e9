import type { CallTies, PartyAt } from '../../calls/ports.ts';
import { describeError } from '../../kernel/index.ts';
import type { Room, SipLegMedia } from '../../media/ports.ts';
import type { HostContext } from '../host-context.ts';
import { RPC, tieReplySchema } from '../rpc-messages.ts';
import type { TieRequest } from '../rpc-messages.ts';

interface Address {
  readonly address: string;
  readonly port: number;
}

/** One end of a tie: an RTP port in the room of the leg whose peer it is. */
interface TieEnd {
  readonly media: SipLegMedia;
  readonly untie: () => void;
}

/**
 * Ties legs of different calls together, on this node or on two: RTP between two ports of ours, agreed on by one request
 * between the nodes, without SIP. Each call keeps its room, its leg and its instructions. See docs/adr/0028-conferences.md.
 */
export class TieDesk implements CallTies {
  readonly #context: HostContext;
  /** By the leg that is tied. */
  readonly #ends = new Map<string, TieEnd>();

  constructor(context: HostContext) {
    this.#context = context;
  }

  /** Ends of ties on this node, for leak checks. */
  get size(): number {
    return this.#ends.size;
  }

  async connect(callSid: string, other: PartyAt): Promise<void> {
    const media = await this.#open(callSid);
    try {
      media.update(audioAt(await this.offer(other, media)));
    } catch (error) {
      this.disconnect(callSid);
      throw error;
    }
  }

  disconnect(callSid: string): void {
    this.#ends.get(callSid)?.untie();
  }

  /** Asks the node of a leg to tie it to this port. @returns where to send to */
  async offer({ callSid, node }: PartyAt, media: SipLegMedia): Promise<Address> {
    const { rpc } = this.#context;
    const { address, port } = node === rpc.node ? media.inside : media.local;
    const request: TieRequest = { do: 'tie', callSid, address, port, inside: node === rpc.node };
    const reply = tieReplySchema.parse(await rpc.request(node, RPC.tie, request));
    if (!reply.ok) throw new Error(reply.message);
    return reply;
  }

  /** Takes the leg off its tie on whatever node. */
  async release({ callSid, node }: PartyAt): Promise<void> {
    const { rpc, log } = this.#context;
    try {
      await rpc.request(node, RPC.tie, { do: 'untie', callSid } satisfies TieRequest);
    } catch (error) {
      log.debug({ callSid, node }, `a tie was not taken off: ${describeError(error)}`);
    }
  }

  /** A request of another node, or of this one. */
  async handle(request: TieRequest): Promise<object> {
    if (request.do === 'untie') {
      this.disconnect(request.callSid);
      return { ok: true, address: '', port: 0 };
    }
    try {
      const media = await this.#open(request.callSid);
      media.update(audioAt(request));
      return { ok: true, ...(request.inside ? media.inside : media.local) };
    } catch (error) {
      return { ok: false, message: describeError(error) };
    }
  }

  async #open(callSid: string): Promise<SipLegMedia> {
    const core = this.#context.table.get(callSid)?.core;
    const leg = core?.media;
    if (core === undefined || leg === undefined || !core.isAnswered) {
      throw new Error(`call ${callSid} has no audio here: it was not answered, or has ended`);
    }
    this.disconnect(callSid);
    const room: Room = await core.call.open();
    const media = await room.createSipLeg({ id: `${callSid}-tie` });
    const end: TieEnd = {
      media,
      untie: () => {
        if (this.#ends.get(callSid) === end) this.#ends.delete(callSid);
        room.disconnect(leg, media);
        void media.close();
      },
    };
    if (core.isEnded || this.#ends.has(callSid)) {
      void media.close();
      throw new Error(`call ${callSid} has ended meanwhile, or was tied to another one`);
    }
    this.#ends.set(callSid, end);
    room.connect(leg, media);
    core.defer(end.untie);
    return media;
  }
}

export function audioAt({ address, port }: Address): Parameters<SipLegMedia['update']>[0] {
  return { address, port, codec: 'PCMU', direction: 'sendrecv' };
}
