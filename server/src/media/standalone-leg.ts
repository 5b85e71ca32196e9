import { toError } from '../kernel/index.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import { Pacer } from './playout/pacer.ts';
import type { SipLegMedia } from './ports.ts';
import { SipLeg } from './rooms/sip-leg.ts';
import { RtpPortAllocator } from './rtp/rtp-socket.ts';

export interface StandaloneLegOptions {
  readonly id: string;
  /** Address the RTP and RTCP ports are bound to. */
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * An RTP endpoint without a room and without mediasoup: for programs that are themselves a telephone, such as the
 * simulated caller. Plays, records by a sink, sends and hears DTMF. The caller closes it.
 *
 * @throws MediaError `no-free-port`
 */
export async function createStandaloneLeg(options: StandaloneLegOptions): Promise<SipLegMedia> {
  const { clock, random, log, id } = options;
  const pacer = new Pacer(clock, (error) => {
    log.error({ err: toError(error) }, 'a paced task failed');
  });
  const socket = await new RtpPortAllocator(options.address).open();
  const context = { clock, random, log, pacer, silentAfterMs: 5000 };
  return new SipLeg({ options: { id }, context, socket, announcedAddress: undefined });
}
