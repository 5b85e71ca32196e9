import { readAppMessage } from './app-message.ts';
import { problem } from './problems.ts';
import type { SocketEnd, StreamEnd, StreamProblem, StreamRequest, StreamTrack } from './ports.ts';

/**
 * The protocol of one stream, as a pure machine:
 *
 *     connecting --opened--> open --closed, stop--> ended
 *          +--------closed, stop--------------------^
 *
 * `connected` and `start` are sent first and `stop` last; every message but `connected` is numbered. Numbers are texts.
 */
export interface StreamState {
  readonly phase: 'connecting' | 'open' | 'ended';
  readonly request: StreamRequest;
  /** Of the last message. */
  readonly sequence: number;
  readonly tracks: Readonly<Record<StreamTrack, TrackState>>;
  /** Monotonic milliseconds of the start. */
  readonly startedAt: number;
  /** Kinds of warnings that were told. */
  readonly warned: readonly string[];
}

interface TrackState {
  readonly chunk: number;
  /** Where the track's timeline begins: sample counter of its first frame, and milliseconds since the start. */
  readonly origin: { readonly samples: number; readonly ms: number } | undefined;
}

export type StreamInput =
  | { readonly kind: 'opened'; readonly at: number }
  /** Mu-law. `samples`: counter of the leg, modulo 2^32. */
  | {
      readonly kind: 'audio';
      readonly track: StreamTrack;
      readonly payload: Uint8Array;
      readonly samples: number;
      readonly at: number;
    }
  | { readonly kind: 'digit'; readonly digit: string }
  | { readonly kind: 'text'; readonly text: string }
  /** All that was queued before the mark was played, or was cleared. */
  | { readonly kind: 'mark-reached'; readonly name: string }
  /** More is queued than is kept. */
  | { readonly kind: 'queue-full' }
  /** The application reads too slowly: audio for it is left out. */
  | { readonly kind: 'reads-slowly' }
  | { readonly kind: 'socket-ended'; readonly end: SocketEnd }
  | { readonly kind: 'stop' };

export type StreamEffect =
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'queue-audio'; readonly payload: Uint8Array }
  | { readonly kind: 'queue-mark'; readonly name: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'started' }
  | { readonly kind: 'warning'; readonly problem: StreamProblem }
  | { readonly kind: 'close-socket' }
  | { readonly kind: 'ended'; readonly end: StreamEnd };

export interface StreamStep {
  readonly state: StreamState;
  readonly effects: readonly StreamEffect[];
}

/** A track whose timeline is further from the clock than this begins a new one: its source changed. Milliseconds. */
const MAX_DRIFT_MS = 500;
const SAMPLES_PER_MS = 8;
const NO_TRACK: TrackState = { chunk: 0, origin: undefined };

export function newStream(request: StreamRequest): StreamState {
  const tracks = { inbound: NO_TRACK, outbound: NO_TRACK };
  return { phase: 'connecting', request, sequence: 0, tracks, startedAt: 0, warned: [] };
}

const stay = (state: StreamState): StreamStep => ({ state, effects: [] });

export function stepStream(state: StreamState, input: StreamInput): StreamStep {
  if (state.phase === 'ended') return stay(state);
  switch (input.kind) {
    case 'opened':
      return state.phase === 'connecting' ? opened(state, input.at) : stay(state);
    case 'audio':
      return state.phase === 'open' ? audio(state, input) : stay(state);
    case 'digit': {
      const dtmf = { track: 'inbound_track', digit: input.digit };
      return state.phase === 'open' && state.request.bidirectional ? say(state, 'dtmf', { dtmf }) : stay(state);
    }
    case 'text':
      return state.phase === 'open' ? text(state, input.text) : stay(state);
    case 'mark-reached':
      return state.phase === 'open' ? say(state, 'mark', { mark: { name: input.name } }) : stay(state);
    case 'queue-full':
      return warn(
        state,
        'full',
        'more audio waits to be played than is kept: what is beyond was dropped; send it later',
      );
    case 'reads-slowly':
      return warn(state, 'slow', 'the server of the stream reads too slowly: audio for it was left out');
    case 'socket-ended':
      return { state: { ...state, phase: 'ended' }, effects: [{ kind: 'ended', end: endOf(state, input.end) }] };
    case 'stop':
      return stop(state);
  }
}

function opened(state: StreamState, at: number): StreamStep {
  const { accountSid, callSid, streamSid, tracks, parameters } = state.request;
  const hello = JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' });
  const start = {
    accountSid,
    streamSid,
    callSid,
    tracks,
    mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
    customParameters: parameters,
  };
  const said = say({ ...state, phase: 'open', startedAt: at }, 'start', { start });
  return { state: said.state, effects: [{ kind: 'send', text: hello }, ...said.effects, { kind: 'started' }] };
}

function audio(state: StreamState, input: Extract<StreamInput, { kind: 'audio' }>): StreamStep {
  const { track, payload, samples } = input;
  if (!state.request.tracks.includes(track)) return stay(state);
  const { chunk, origin } = state.tracks[track];
  const now = input.at - state.startedAt;
  const since = origin === undefined ? 0 : ((samples - origin.samples) >>> 0) / SAMPLES_PER_MS;
  const kept =
    origin !== undefined && Math.abs(origin.ms + since - now) <= MAX_DRIFT_MS ? origin : { samples, ms: now };
  const timestamp = Math.max(0, Math.round(kept === origin ? kept.ms + since : kept.ms));
  const media = {
    track,
    chunk: String(chunk + 1),
    timestamp: String(timestamp),
    payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64'),
  };
  const tracks = { ...state.tracks, [track]: { chunk: chunk + 1, origin: kept } };
  return say({ ...state, tracks }, 'media', { media });
}

function text(state: StreamState, received: string): StreamStep {
  const { bidirectional, streamSid } = state.request;
  if (!bidirectional)
    return warn(state, 'message', 'a stream that was begun by <Start> takes no messages: they are ignored');
  const read = readAppMessage(received, streamSid);
  if (!read.ok) return warn(state, 'message', `a message of the stream's server was ignored: ${read.problem}`);
  const { message } = read;
  switch (message.event) {
    case 'media':
      return { state, effects: [{ kind: 'queue-audio', payload: message.payload }] };
    case 'mark':
      return { state, effects: [{ kind: 'queue-mark', name: message.name }] };
    case 'clear':
      return { state, effects: [{ kind: 'clear' }] };
  }
}

/** Each kind once a stream. */
function warn(state: StreamState, kind: string, message: string): StreamStep {
  if (state.warned.includes(kind)) return stay(state);
  const warned = [...state.warned, kind];
  return { state: { ...state, warned }, effects: [{ kind: 'warning', problem: problem('message', message) }] };
}

function stop(state: StreamState): StreamStep {
  const { accountSid, callSid } = state.request;
  const goodbye = state.phase === 'open' ? say(state, 'stop', { stop: { accountSid, callSid } }) : stay(state);
  return {
    state: { ...goodbye.state, phase: 'ended' },
    effects: [...goodbye.effects, { kind: 'close-socket' }, { kind: 'ended', end: { by: 'call' } }],
  };
}

function say(state: StreamState, event: string, body: object): StreamStep {
  const sequence = state.sequence + 1;
  const { streamSid } = state.request;
  const message = { event, sequenceNumber: String(sequence), ...body, streamSid };
  return { state: { ...state, sequence }, effects: [{ kind: 'send', text: JSON.stringify(message) }] };
}

/** Closing is how the server of a stream ends it: RFC 6455 section 7.4.1, 1000, 1001, and 1005 for none. */
const ORDINARY: ReadonlySet<number> = new Set([1000, 1001, 1005]);

function endOf(state: StreamState, end: SocketEnd): StreamEnd {
  const by = 'application';
  if (end.kind === 'failed') return { by, problem: end.problem };
  if (state.phase === 'connecting') {
    return { by, problem: problem('handshake', 'the connection was closed before it was open') };
  }
  if (ORDINARY.has(end.code)) return { by };
  if (end.code === 1006)
    return { by, problem: problem('broken', 'the connection to the server of the stream was lost') };
  const why = end.reason === '' ? '' : `: ${end.reason}`;
  return { by, problem: problem('closed', `the server of the stream closed it with ${end.code}${why}`) };
}
