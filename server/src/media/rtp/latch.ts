import { isSameEndpoint, normalizeAddress } from './socket-address.ts';
import type { Endpoint } from './socket-address.ts';

/**
 * Symmetric RTP with source checks. A phone behind NAT sends from another address than its SDP says, so media goes back to
 * where media comes from (RFC 4961). Taking any source at its word would let anybody who sends to the port take the
 * stream over, so sources are ranked, and only a higher rank displaces a latched source that still sends:
 *
 * | trust | source | latches |
 * |---|---|---|
 * | 3 | address and port of the SDP | at once, also over a latched source of lower trust |
 * | 2 | address of the SDP, or the address that signalling comes from; any port | at once, over trust 1 too |
 * | 1 | any other address | after 5 consecutive packets of one SSRC, and only while nothing is latched |
 *
 * A latched source gives way to another source of the same address (a NAT that moved the port) when it was silent for 1 s
 * and the newcomer sent 5 consecutive packets. No other address of equal or lower trust ever takes over: that needs new
 * SDP. New SDP with another address or port starts over; while nothing is latched, media goes to the SDP's address.
 * Once the SDP's address is known and public, trust 1 still applies: carriers do send from addresses they did not name.
 */
export interface LatchState {
  readonly expected: Endpoint | undefined;
  readonly signallingAddress: string | undefined;
  readonly latched: LatchedSource | undefined;
  readonly candidate: Candidate | undefined;
}
interface LatchedSource extends Endpoint {
  readonly trust: Trust;
  readonly lastAt: number;
}
interface Candidate extends Endpoint {
  readonly ssrc: number;
  readonly sequence: number;
  readonly count: number;
}
type Trust = 1 | 2 | 3;

/** Consecutive packets before an untrusted source is believed. */
const PROBATION = 5;
/** A latched source that sent nothing for this long may give way to its own address's other port, milliseconds. */
const STALE_MS = 1000;

export const unlatched: LatchState = {
  expected: undefined,
  signallingAddress: undefined,
  latched: undefined,
  candidate: undefined,
};

/** Takes in new SDP. The latch survives when neither address nor port changed. */
export function expectSource(state: LatchState, expected: Endpoint, signallingAddress?: string): LatchState {
  const wanted = { address: normalizeAddress(expected.address), port: expected.port };
  const signalling = signallingAddress === undefined ? undefined : normalizeAddress(signallingAddress);
  const same = state.expected?.address === wanted.address && state.expected.port === wanted.port;
  if (same) return { ...state, signallingAddress: signalling };
  return { expected: wanted, signallingAddress: signalling, latched: undefined, candidate: undefined };
}

/** A packet as the rules see it; `from.address` is normalized already. */
export interface Arrival {
  readonly from: Endpoint;
  readonly ssrc: number;
  readonly sequence: number;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** `moved`: this packet changed where media goes. A refused packet must not be used in any way. */
export interface LatchStep {
  readonly state: LatchState;
  readonly accepted: boolean;
  readonly moved: boolean;
}

function trustOf(state: LatchState, from: Endpoint): Trust {
  if (from.address === state.expected?.address) return from.port === state.expected.port ? 3 : 2;
  return from.address === state.signallingAddress ? 2 : 1;
}

function probe(state: LatchState, arrival: Arrival): Candidate {
  const { from, ssrc, sequence } = arrival;
  const known = state.candidate;
  const follows =
    known !== undefined &&
    isSameEndpoint(known, from) &&
    known.ssrc === ssrc &&
    sequence === ((known.sequence + 1) & 0xffff);
  return { ...from, ssrc, sequence, count: follows ? known.count + 1 : 1 };
}

/**
 * Judges a packet that is valid RTP of a known payload type (others must not get here). Before any SDP arrived (early
 * packets of an eager caller) only the signalling address and, after probation, others are accepted.
 */
export function judgeSource(state: LatchState, arrival: Arrival): LatchStep {
  const { from, now } = arrival;
  const { latched } = state;
  if (latched !== undefined && isSameEndpoint(latched, from)) {
    return { state: { ...state, latched: { ...latched, lastAt: now } }, accepted: true, moved: false };
  }
  const trust = trustOf(state, from);
  const latch = (): LatchStep => ({
    state: { ...state, latched: { ...from, trust, lastAt: now }, candidate: undefined },
    accepted: true,
    moved: true,
  });
  if (trust > (latched?.trust ?? 1)) return latch();
  const candidate = probe(state, arrival);
  const waits: LatchStep = { state: { ...state, candidate }, accepted: false, moved: false };
  if (candidate.count < PROBATION) return waits;
  if (latched === undefined) return latch();
  const moved = from.address === latched.address && now - latched.lastAt >= STALE_MS;
  return moved ? latch() : waits;
}

/** Where to send: the latched source, else what the SDP says, else nowhere. */
export function targetOf(state: LatchState): Endpoint | undefined {
  return state.latched ?? state.expected;
}
