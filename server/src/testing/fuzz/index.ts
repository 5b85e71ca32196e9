import type { FuzzOptions, FuzzReport } from './report.ts';
import { fuzzRtcp, fuzzRtp } from './rtp.ts';
import { fuzzSdp } from './sdp.ts';
import { fuzzSip } from './sip.ts';

export type { FuzzOptions, FuzzReport } from './report.ts';

/** What reads bytes of strangers, by name. */
export const FUZZERS: Readonly<Record<string, (options: FuzzOptions) => Promise<FuzzReport>>> = {
  sip: fuzzSip,
  sdp: fuzzSdp,
  rtp: fuzzRtp,
  rtcp: fuzzRtcp,
};
