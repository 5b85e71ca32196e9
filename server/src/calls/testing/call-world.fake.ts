import type { StreamEnd, StreamListener } from '../../media-streams/ports.ts';
import type { HookswitchEvent } from '@hookswitch/shared';
import { eventDataSchemas } from '@hookswitch/shared';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import type {
  CallApplication,
  EndRequest,
  IncomingCall,
  InstructionRequest,
  InstructionResponse,
  Legs,
  ListenOptions,
  MachineDetectionOptions,
  PlaceRequest,
  PlayMedia,
  PromptRequest,
  PromptResult,
  RecordingEndReason,
  RecordingOrder,
  RecordingOutcome,
  StreamOrder,
  TranscriptionListener,
  TranscriptionOrder,
  ReferAnswer,
} from '../ports.ts';
import type { CallPorts } from '../call-runner.ts';
import { NodeCallRouter } from '../router.ts';

export const ACCOUNT = `AC${'1'.repeat(32)}`;
export const APPLICATION = `AP${'2'.repeat(32)}`;
export const TRUNK = `TK${'3'.repeat(32)}`;
export const CALL = `CA${'4'.repeat(32)}`;
export const APP_URL = 'http://app.test/voice';

type Answer =
  Partial<Extract<InstructionResponse, { ok: true }>> | Extract<InstructionResponse, { ok: false }> | 'hang';

/** Legs that do nothing by themselves: a test plays the far ends. A local `end` reports back at once, as a bridge does. */
export class FakeLegs implements Legs {
  readonly commands: string[] = [];
  readonly placed: PlaceRequest[] = [];
  readonly ends: { callSid: string; request: EndRequest }[] = [];
  readonly media: PlayMedia[] = [];
  readonly streams = new Map<
    string,
    { readonly callSid: string; readonly order: StreamOrder; readonly listener: StreamListener }
  >();
  readonly recordings = new Map<
    string,
    { callSid: string; order: RecordingOrder; stored: (outcome: RecordingOutcome) => void }
  >();
  /** Length of recordings that end without one being given. */
  recordedMs = 4200;
  readonly transcriptions = new Map<
    string,
    { readonly order: TranscriptionOrder; readonly listener: TranscriptionListener }
  >();
  readonly detections: MachineDetectionOptions[] = [];
  /** Legs by announcement. */
  readonly announced = new Map<string, string[]>();
  listening: { listenId: string; options: ListenOptions } | undefined;
  /** What far ends that asked for a transfer were told. */
  readonly refers: string[] = [];
  readonly world: CallWorld;
  readonly #ended = new Set<string>();
  /** A bridge that never reports the end of a leg. */
  silentEnds = false;

  constructor(world: CallWorld) {
    this.world = world;
  }

  ring(callSid: string): void {
    this.#note('ring', callSid);
  }
  answer(callSid: string): void {
    this.#note('answer', callSid);
    this.world.router.legEvent({ kind: 'leg-answered', callSid });
  }
  end(callSid: string, request: EndRequest): void {
    if (this.#ended.has(callSid)) return;
    this.#note(`end:${request.cause}`, callSid);
    this.ends.push({ callSid, request });
    if (this.silentEnds) return;
    this.#ended.add(callSid);
    this.#endRecordings(callSid);
    const { cause, message, sipStatus } = request;
    const status = sipStatus === undefined ? {} : { sipStatus };
    this.world.router.legEvent({ kind: 'leg-ended', callSid, cause, message, by: 'local', ...status });
  }
  play(callSid: string, playId: string, media: PlayMedia): void {
    this.media.push(media);
    this.#note(`play:${media.kind === 'tone' ? media.tone : media.kind}`, callSid);
    if (media.kind === 'wav' && this.world.autoPlay) {
      this.world.router.legEvent({ kind: 'play-ended', callSid, playId, result: 'finished' });
    }
  }
  stopPlay(callSid: string): void {
    this.#note('stop-play', callSid);
  }
  announce(callSid: string, announcementSid: string): void {
    this.announced.set(announcementSid, [...(this.announced.get(announcementSid) ?? []), callSid]);
    this.#note('announce', callSid);
  }
  stopAnnouncement(callSid: string, announcementSid: string): void {
    this.#note('stop-announcement', callSid);
    this.world.router.legEvent({ kind: 'announcement-ended', callSid, announcementSid, result: 'stopped' });
  }
  place(request: PlaceRequest): void {
    this.placed.push(request);
    this.#note(`place:${request.to}`, request.callSid);
  }
  merge(callSid: string, peerCallSid: string): void {
    this.#note('merge', callSid);
    this.world.router.legEvent({ kind: 'merged', callSid, peerCallSid });
    this.world.router.legEvent({ kind: 'merged', callSid: peerCallSid, peerCallSid: callSid });
  }
  unmerge(callSid: string): void {
    this.#note('unmerge', callSid);
  }
  sendDigits(callSid: string, digits: string): void {
    this.#note(`digits:${digits}`, callSid);
  }
  answerRefer(_referId: string, answer: ReferAnswer): void {
    this.refers.push(answer.kind === 'accepted' ? '202' : `${answer.kind} ${answer.sipStatus}`);
  }
  refer(callSid: string, uri: string): void {
    this.#note(`refer:${uri}`, callSid);
  }
  lead(callSid: string): void {
    this.#note('lead', callSid);
  }
  startRecording(callSid: string, order: RecordingOrder, stored: (outcome: RecordingOutcome) => void): void {
    const { recordingSid, source } = order;
    this.recordings.set(recordingSid, { callSid, order, stored });
    this.#note(`record:${source}`, callSid);
    this.world.router.legEvent({ kind: 'recording-started', callSid, recordingSid });
  }
  pauseRecording(callSid: string, _recordingSid: string, behavior: string): void {
    this.#note(`pause-recording:${behavior}`, callSid);
  }
  resumeRecording(callSid: string): void {
    this.#note('resume-recording', callSid);
  }
  stopRecording(callSid: string, recordingSid: string): void {
    this.#note('stop-recording', callSid);
    this.recorded(recordingSid, 'stopped');
  }
  startStream(callSid: string, order: StreamOrder, listener: StreamListener): void {
    this.streams.set(order.streamSid, { callSid, order, listener });
    this.#note(`stream:${order.name}`, callSid);
  }
  stopStream(callSid: string, streamSid: string): void {
    this.#note('stop-stream', callSid);
    this.streamEnds(streamSid, { by: 'call' });
  }
  /** A stream is over. */
  streamEnds(streamSid: string, end: StreamEnd): void {
    const live = this.streams.get(streamSid);
    if (live === undefined) return;
    this.streams.delete(streamSid);
    live.listener.ended(end);
    this.world.router.legEvent({ kind: 'stream-ended', callSid: live.callSid, streamSid, ...end });
  }
  startTranscription(callSid: string, order: TranscriptionOrder, listener: TranscriptionListener): void {
    this.transcriptions.set(order.transcriptionSid, { order, listener });
    this.#note('transcribe', callSid);
    listener.started();
  }
  stopTranscription(callSid: string, transcriptionSid: string): void {
    this.#note('stop-transcription', callSid);
    const live = this.transcriptions.get(transcriptionSid);
    this.transcriptions.delete(transcriptionSid);
    live?.listener.ended();
  }
  listen(callSid: string, listenId: string, options: ListenOptions): void {
    this.listening = { listenId, options };
    this.#note('listen', callSid);
  }
  stopListening(callSid: string): void {
    this.listening = undefined;
    this.#note('stop-listening', callSid);
  }
  detectMachine(callSid: string, options: MachineDetectionOptions): void {
    this.detections.push(options);
    this.#note(`detect-machine:${options.mode}`, callSid);
  }

  /** A recording ends and is safe at once. */
  recorded(recordingSid: string, reason: RecordingEndReason, durationMs = this.recordedMs): void {
    const recording = this.recordings.get(recordingSid);
    if (recording === undefined || !this.recordings.delete(recordingSid)) return;
    this.world.router.legEvent({
      kind: 'recording-ended',
      callSid: recording.callSid,
      recordingSid,
      reason,
      durationMs,
    });
    recording.stored(durationMs === 0 ? { kind: 'absent' } : { kind: 'completed', durationMs, bytes: 44 });
  }

  /** The far end of a leg ends it. */
  remoteEnd(callSid: string, cause: EndRequest['cause'], sipStatus?: number): void {
    this.#ended.add(callSid);
    this.#endRecordings(callSid);
    const status = sipStatus === undefined ? {} : { sipStatus };
    this.world.router.legEvent({ kind: 'leg-ended', callSid, cause, message: cause, by: 'remote', ...status });
  }

  #endRecordings(callSid: string): void {
    for (const [recordingSid, recording] of [...this.recordings]) {
      if (recording.callSid === callSid) this.recorded(recordingSid, 'leg-ended');
    }
  }

  #note(what: string, callSid: string): void {
    this.commands.push(`${what} ${this.world.name(callSid)}`);
  }
}

/** A router on memory ports: everything it did is recorded, everything it hears comes from the test. */
export class CallWorld {
  readonly clock: FakeClock;
  readonly events: (Pick<HookswitchEvent, 'type' | 'subject' | 'sequence' | 'data'> & { readonly id?: string })[] = [];
  readonly requests: InstructionRequest[] = [];
  readonly callbacks: InstructionRequest[] = [];
  readonly logs: { level: string; message: string }[] = [];
  readonly legs: FakeLegs;
  readonly router: NodeCallRouter;
  /** Answers by URL, in order; the last one repeats. */
  readonly answers = new Map<string, Answer[]>();
  prompt: PromptResult = { ok: true, wav: new Uint8Array([82, 73, 70, 70]) };
  /** Hears what is to be spoken. */
  onSay: ((request: object) => void) | undefined;
  /** Told what is to be made ahead. */
  onPrefetch: ((request: PromptRequest) => void) | undefined;
  autoPlay = true;
  active = true;
  aborted = 0;
  application: CallApplication | undefined = {
    applicationSid: APPLICATION,
    voice: { url: APP_URL, method: 'POST' },
    fallback: undefined,
    statusCallback: undefined,
  };

  /** @param more what calls share, made from what this world's calls have */
  constructor(clock = new FakeClock(), more?: (ports: CallPorts) => Partial<CallPorts>) {
    this.clock = clock;
    this.legs = new FakeLegs(this);
    const ports: CallPorts = {
      legs: this.legs,
      clock: this.clock,
      log: this.#log(),
      prompts: {
        say: (request) => {
          this.onSay?.(request);
          return Promise.resolve(this.prompt);
        },
        fetch: () => Promise.resolve(this.prompt),
        prefetch: (request) => this.onPrefetch?.(request),
      },
      callbacks: { send: (request) => this.callbacks.push(request) },
      instructions: { fetch: (request, signal) => this.#answer(request, signal) },
      events: {
        emit: (event) => {
          eventDataSchemas[event.type].parse(event.data);
          this.events.push({ ...event, sequence: event.sequence });
        },
      },
    };
    this.router = new NodeCallRouter({
      ...ports,
      ...more?.(ports),
      random: seededRandom(7),
      directory: {
        accountActive: () => this.active,
        number: (accountSid, e164) =>
          e164 === '+15550100'
            ? { accountSid, applicationSid: APPLICATION }
            : e164 === '+15550101'
              ? { accountSid, applicationSid: undefined }
              : undefined,
        application: () => this.application,
      },
    });
  }

  /** What the application answers at `url`. */
  twiml(document: string, url = APP_URL): this {
    return this.respond({ body: `<Response>${document}</Response>`, contentType: 'text/xml' }, url);
  }

  respond(answer: Answer, url = APP_URL): this {
    this.answers.set(url, [...(this.answers.get(url) ?? []), answer]);
    return this;
  }

  async call(change: Partial<IncomingCall> = {}): Promise<void> {
    this.router.incoming({
      callSid: CALL,
      accountSid: ACCOUNT,
      from: '+15550177',
      to: '+15550100',
      applicationSid: APPLICATION,
      origin: { kind: 'sip', trunkSid: TRUNK, sipCallId: 'abc@carrier', sourceIp: '192.0.2.1' },
      ...change,
    });
    await settle();
  }

  /** The n-th leg that was placed, from 0. */
  party(n: number): string {
    return this.legs.placed[n]!.callSid;
  }

  name(callSid: string): string {
    const at = this.legs.placed.findIndex((request) => request.callSid === callSid);
    return callSid === CALL ? 'caller' : at < 0 ? 'other' : `party${at}`;
  }

  /** The story so far, one line an event: `caller 3 verb-started Dial`. */
  story(): string[] {
    return this.events.map(({ type, subject, sequence, data }) => {
      const facts = data as Record<string, unknown>;
      const words = ['verb', 'outcome', 'targets', 'code', 'status', 'cause', 'digit', 'verbs']
        .filter((key) => facts[key] !== undefined)
        .map((key) => String(facts[key]));
      const who = this.name(String(subject));
      return [who, sequence, type.replace('call.', ''), ...words].join(' ');
    });
  }

  lastParams(): Readonly<Record<string, string>> {
    return this.requests.at(-1)!.params;
  }

  #answer(request: InstructionRequest, signal: AbortSignal): Promise<InstructionResponse> {
    this.requests.push(request);
    const queue = this.answers.get(request.url) ?? [];
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    if (answer === 'hang') {
      return new Promise(() => {
        signal.addEventListener('abort', () => {
          this.aborted += 1;
        });
      });
    }
    if (answer === undefined) return Promise.resolve(refused(request.url));
    if (answer.ok === false) return Promise.resolve(answer);
    const base = { ok: true, url: request.url, status: 200, contentType: '', body: '', durationMs: 5 } as const;
    return Promise.resolve({ ...base, ...answer });
  }

  #log(): Log {
    const at = (level: string) => (_fields: object, message: string) => {
      this.logs.push({ level, message });
    };
    const log: Log = {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: () => log,
    };
    return log;
  }
}

export function refused(url: string): Extract<InstructionResponse, { ok: false }> {
  return {
    ok: false,
    url,
    code: 11_205,
    message: 'connection refused',
    hint: 'Start the application server.',
    durationMs: 1,
  };
}

export { settle };
