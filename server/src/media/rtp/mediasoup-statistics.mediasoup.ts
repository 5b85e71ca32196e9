import type { types } from 'mediasoup';
import type { StreamStatistics } from '../ports.ts';
import { NO_STREAM } from './merge-statistics.ts';

/** Bytes of an RTP header, and of the header extension with the MID that mediasoup adds to what it sends. */
const [HEADER, MID_EXTENSION] = [12, 16];

/** What a worker counted of one stream. Its bytes are those of whole packets; ours are those of payloads. */
export function mediasoupStream(stats: types.ProducerStat | types.ConsumerStat | undefined): StreamStatistics {
  if (stats === undefined) return NO_STREAM;
  const unitsPerMs = stats.mimeType.toLowerCase() === 'audio/opus' ? 48 : 8;
  const header = stats.type === 'outbound-rtp' ? HEADER + MID_EXTENSION : HEADER;
  return {
    packets: stats.packetCount,
    bytes: stats.byteCount - stats.packetCount * header,
    lost: stats.packetsLost,
    jitterMs: stats.jitter / unitsPerMs,
  };
}
