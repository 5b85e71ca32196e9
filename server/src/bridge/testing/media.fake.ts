import { Emitter } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import type {
  ClientLegEvents,
  ClientLegMedia,
  DtmfSendResult,
  FrameSource,
  Leg,
  LegStatistics,
  MediaCounts,
  MediaEngine,
  MediaEngineEvents,
  MixLegEvents,
  MixLegMedia,
  MixLegSettings,
  Mixer,
  Playback,
  PlaybackEnd,
  Room,
  RoomEndReason,
  SipLegMedia,
  SipMediaRemote,
  WorkerFacts,
} from '../../media/ports.ts';

const STATISTICS: LegStatistics = {
  received: { packets: 0, bytes: 0, lost: undefined, jitterMs: undefined },
  sent: { packets: 0, bytes: 0, lost: undefined, jitterMs: undefined },
  roundTripMs: undefined,
  counters: {},
};

function rethrow(error: unknown): void {
  throw error;
}

class FakePlayback implements Playback {
  readonly source: FrameSource;
  readonly #done = Promise.withResolvers<PlaybackEnd>();
  ended: PlaybackEnd | undefined;

  constructor(source: FrameSource) {
    this.source = source;
  }
  get done(): Promise<PlaybackEnd> {
    return this.#done.promise;
  }
  stop(): void {
    this.end('stopped');
  }
  end(how: PlaybackEnd): void {
    this.ended ??= how;
    this.#done.resolve(how);
  }
}

/** Either kind of leg; tests raise its events with `raise`. */
export class FakeLeg {
  readonly id: string;
  readonly kind: 'sip' | 'client';
  readonly codec = 'PCMU';
  readonly local: { address: string; port: number };
  readonly inside: { address: string; port: number };
  readonly room: FakeRoom;
  readonly events = new Emitter<ClientLegEvents>(rethrow);
  readonly updates: SipMediaRemote[] = [];
  readonly dtmf: string[] = [];
  readonly plays: FakePlayback[] = [];
  readonly calls: string[] = [];
  dtmfResult: DtmfSendResult = 'sent';
  figures = STATISTICS;
  isFlowing = false;
  closed = false;
  failOpen: Error | undefined;

  constructor(room: FakeRoom, kind: 'sip' | 'client', id: string) {
    this.room = room;
    this.kind = kind;
    this.id = id;
    this.local = { address: '127.0.0.1', port: room.engine.nextPort() };
    this.inside = this.local;
  }
  get playing(): FakePlayback | undefined {
    const last = this.plays.at(-1);
    return last?.ended === undefined ? last : undefined;
  }
  on<K extends keyof ClientLegEvents>(event: K, listener: (payload: ClientLegEvents[K]) => void): Unsubscribe {
    return this.events.on(event, listener);
  }
  flow(): void {
    this.isFlowing = true;
    this.events.emit('flowing', { afterMs: 1 });
  }
  listeners(): number {
    const names = ['dtmf', 'flowing', 'silent', 'resumed', 'closed', 'transport', 'consumer', 'send-codec'] as const;
    return names.reduce((sum, name) => sum + this.events.count(name), 0);
  }
  play(source: FrameSource): Playback {
    this.plays.at(-1)?.stop();
    const playback = new FakePlayback(source);
    this.plays.push(playback);
    return playback;
  }
  addSink(): Unsubscribe {
    return () => {};
  }
  statistics(): Promise<LegStatistics> {
    return Promise.resolve(this.figures);
  }
  update(remote: SipMediaRemote): void {
    this.updates.push(remote);
  }
  sendDtmf(digits: string): Promise<DtmfSendResult> {
    if (this.dtmfResult === 'sent') this.dtmf.push(digits);
    return Promise.resolve(this.dtmfResult);
  }
  async createTransports(): ReturnType<ClientLegMedia['createTransports']> {
    await Promise.resolve();
    if (this.room.engine.failTransports !== undefined) throw this.room.engine.failTransports;
    const side = (name: string) => ({
      id: `${this.id}-${name}`,
      iceParameters: {},
      iceCandidates: [],
      dtlsParameters: {},
    });
    return { send: side('send'), recv: side('recv') };
  }
  connectTransport(transportId: string): Promise<void> {
    this.calls.push(`connect ${transportId}`);
    return Promise.resolve();
  }
  produce(): Promise<{ producerId: string }> {
    return Promise.resolve({ producerId: `${this.id}-mic` });
  }
  closeProducer(): void {}
  consume(): ReturnType<ClientLegMedia['consume']> {
    return Promise.resolve({ id: `${this.id}-ear`, producerId: 'p', kind: 'audio', rtpParameters: {} });
  }
  restartIce(transportId: string): Promise<object> {
    this.calls.push(`restart ${transportId}`);
    return Promise.resolve({ usernameFragment: 'new' });
  }
  close(): Promise<void> {
    if (!this.closed) this.playing?.stop();
    this.closed = true;
    return Promise.resolve();
  }
}

/** A room that notes who hears whom. */
export class FakeRoom implements Room {
  readonly id: string;
  readonly engine: FakeMediaEngine;
  readonly rtpCapabilities = { codecs: [] };
  readonly legs: FakeLeg[] = [];
  readonly connected = new Set<string>();
  readonly #listeners = new Set<(reason: RoomEndReason) => void>();
  ended: RoomEndReason | undefined;

  constructor(engine: FakeMediaEngine, id: string) {
    this.engine = engine;
    this.id = id;
  }
  createSipLeg(options: { id: string }): Promise<SipLegMedia> {
    return this.#create('sip', options.id);
  }
  createClientLeg(options: { id: string }): Promise<ClientLegMedia> {
    return this.#create('client', options.id) as unknown as Promise<ClientLegMedia>;
  }
  createMixLeg({ id, mixer }: { id: string; mixer: Mixer }): MixLegMedia {
    return this.engine.mixer(mixer.id).join(id);
  }
  connect(a: Leg, b: Leg | MixLegMedia): void {
    this.connected.add([a.id, b.id].sort().join(' '));
  }
  disconnect(a: Leg, b: Leg | MixLegMedia): void {
    this.connected.delete([a.id, b.id].sort().join(' '));
  }
  onEnded(listener: (reason: RoomEndReason) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async close(): Promise<void> {
    this.end('closed');
    await Promise.all(this.legs.map((leg) => leg.close()));
  }
  end(reason: RoomEndReason): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    for (const listener of [...this.#listeners]) listener(reason);
  }
  async #create(kind: 'sip' | 'client', id: string): Promise<SipLegMedia> {
    await Promise.resolve();
    if (this.engine.failLegs !== undefined) throw this.engine.failLegs;
    const leg = new FakeLeg(this, kind, id);
    this.legs.push(leg);
    this.engine.legs.set(id, leg);
    return leg as unknown as SipLegMedia;
  }
}

/** A place in a fake mix: notes its settings; a test raises its events. */
export class FakeMixLeg implements MixLegMedia {
  readonly kind = 'mix';
  readonly id: string;
  readonly events = new Emitter<MixLegEvents>(rethrow);
  readonly #leave: (id: string) => boolean;
  settings: MixLegSettings = { muted: false, held: false, audience: undefined };

  /** @param leave false when it had left already */
  constructor(id: string, leave: (id: string) => boolean) {
    this.id = id;
    this.#leave = leave;
  }
  set(change: Partial<MixLegSettings>): void {
    this.settings = { ...this.settings, ...change };
  }
  on<K extends keyof MixLegEvents>(event: K, listener: (payload: MixLegEvents[K]) => void): Unsubscribe {
    return this.events.on(event, listener);
  }
  close(): Promise<void> {
    if (this.#leave(this.id)) this.events.emit('closed', { reason: 'closed' });
    return Promise.resolve();
  }
}

export class FakeMixer implements Mixer {
  readonly id: string;
  readonly legs = new Map<string, FakeMixLeg>();
  readonly plays: FakePlayback[] = [];
  closed = false;

  constructor(id: string) {
    this.id = id;
  }
  get size(): number {
    return this.legs.size;
  }
  join(id: string): FakeMixLeg {
    const leg = new FakeMixLeg(id, (left) => this.legs.delete(left));
    this.legs.set(id, leg);
    return leg;
  }
  play(source: FrameSource): Playback {
    const playback = new FakePlayback(source);
    this.plays.push(playback);
    return playback;
  }
  addSink(): Unsubscribe {
    return () => {};
  }
  async close(): Promise<void> {
    this.closed = true;
    for (const leg of [...this.legs.values()]) await leg.close();
  }
}

export class FakeMediaEngine implements MediaEngine {
  readonly rtpCapabilities = { codecs: [{ mimeType: 'audio/PCMU' }] };
  readonly workers: readonly WorkerFacts[] = [];
  get counts(): MediaCounts {
    const { rooms, legs } = this.open;
    return { rooms, legs, rtpPorts: 0, objects: { router: 0, transport: 0, producer: 0, consumer: 0 } };
  }
  readonly rooms: FakeRoom[] = [];
  readonly legs = new Map<string, FakeLeg>();
  readonly events = new Emitter<MediaEngineEvents>(rethrow);
  failRooms: Error | undefined;
  failLegs: Error | undefined;
  failTransports: Error | undefined;
  #port = 20_000;

  nextPort(): number {
    return (this.#port += 2);
  }
  leg(id: string): FakeLeg {
    const leg = this.legs.get(id);
    if (leg === undefined) throw new Error(`no media leg ${id}`);
    return leg;
  }
  /** What a test expects to be nothing after its calls. */
  get open(): { rooms: number; legs: number; listeners: number } {
    const legs = [...this.legs.values()];
    return {
      rooms: this.rooms.filter((room) => room.ended === undefined).length,
      legs: legs.filter((leg) => !leg.closed).length,
      listeners: legs.reduce((sum, leg) => sum + leg.listeners(), 0),
    };
  }
  async createRoom(options: { id: string }): Promise<Room> {
    await Promise.resolve();
    if (this.failRooms !== undefined) throw this.failRooms;
    const room = new FakeRoom(this, options.id);
    this.rooms.push(room);
    return room;
  }
  readonly mixers: FakeMixer[] = [];
  mixer(id: string): FakeMixer {
    const mixer = this.mixers.find((each) => each.id === id);
    if (mixer === undefined) throw new Error(`no mixer ${id}`);
    return mixer;
  }
  createMixer({ id }: { id: string }): Mixer {
    const mixer = new FakeMixer(id);
    this.mixers.push(mixer);
    return mixer;
  }
  /** The worker of every room dies. */
  die(pid: number): void {
    const rooms = this.rooms.filter((room) => room.ended === undefined);
    this.events.emit('worker-died', { pid, rooms: rooms.length });
    for (const room of rooms) room.end('media-worker-died');
  }
  on<K extends keyof MediaEngineEvents>(event: K, listener: (payload: MediaEngineEvents[K]) => void): Unsubscribe {
    return this.events.on(event, listener);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
