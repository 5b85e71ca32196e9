import { clientError } from '../kit/index.ts';
import type { HookswitchError } from '../kit/index.ts';
import type { Codec, Leg, LegOptions, Microphone, SoftphonePlatform } from './ports.ts';

/** A track that only knows whether it was stopped. */
export interface FakeTrack extends MediaStreamTrack {
  readonly stopped: boolean;
}

function fakeTrack(): FakeTrack {
  const track = { stopped: false, enabled: true, stop: () => (track.stopped = true) };
  return track as unknown as FakeTrack;
}

/** A leg that does what it is told by the test. */
export class FakeLeg implements Leg {
  readonly options: LegOptions;
  readonly remoteStream = {} as MediaStream;
  readonly localStream = {} as MediaStream;
  readonly log: string[] = [];
  codec: Codec = 'PCMU';
  isConnected = true;

  constructor(options: LegOptions) {
    this.options = options;
  }

  setMuted(muted: boolean): void {
    this.log.push(`muted ${muted}`);
  }
  replaceMicrophone(): Promise<void> {
    this.log.push('microphone');
    return Promise.resolve();
  }
  replaceConsumer(consumer: { id: string }): Promise<void> {
    this.log.push(`consumer ${consumer.id}`);
    return Promise.resolve();
  }
  produceIn(codec: string): Promise<void> {
    this.log.push(`produce ${codec}`);
    return Promise.resolve();
  }
  restartIce(): Promise<void> {
    this.log.push('restart-ice');
    return Promise.resolve();
  }
  statistics(): ReturnType<Leg['statistics']> {
    return Promise.resolve({ packetsReceived: 0, packetsLost: 0, jitterMs: 0, packetsSent: 0, roundTripMs: 0 });
  }
  close(): void {
    this.log.push('close');
    this.options.microphone.stop();
  }
}

/** The browser of tests: no audio, everything is recorded. */
export class FakePlatform implements SoftphonePlatform {
  readonly legs: FakeLeg[] = [];
  readonly tracks: FakeTrack[] = [];
  readonly page = new Map<string, Set<(event: Event) => void>>();
  permission: Awaited<ReturnType<Microphone['permission']>> = 'granted';
  microphoneError: HookswitchError | undefined;
  /** Resolves openLeg when set; otherwise legs open at once. */
  legGate: Promise<unknown> | undefined;
  loaded = 0;
  playing = 0;
  #input: string | undefined;

  readonly media = {
    load: (): Promise<void> => {
      this.loaded++;
      return Promise.resolve();
    },
    capabilities: { codecs: [] },
    openLeg: async (options: LegOptions): Promise<Leg> => {
      await this.legGate;
      const leg = new FakeLeg(options);
      this.legs.push(leg);
      return leg;
    },
  };

  readonly microphone: Microphone = {
    permission: () => Promise.resolve(this.permission),
    open: () => {
      if (this.microphoneError !== undefined) return Promise.reject(this.microphoneError);
      const track = fakeTrack();
      this.tracks.push(track);
      return Promise.resolve(track);
    },
    choose: (id) => (this.#input = id),
    deviceId: undefined,
    close: () => undefined,
  };

  readonly speaker = {
    play: (): (() => void) => {
      this.playing++;
      return () => {
        this.playing--;
      };
    },
    choose: (): Promise<void> => Promise.reject(clientError('outputUnsupported')),
    deviceId: undefined,
    close: (): void => undefined,
  };

  readonly devices: SoftphonePlatform['devices'] = {
    list: () => Promise.resolve({ inputs: [], outputs: [] }),
    onChange: () => () => undefined,
  };

  readonly openMeter = (): { read: () => { input: number; output: number }; close: () => void } => ({
    read: () => ({ input: 0.5, output: 0.25 }),
    close: () => undefined,
  });

  readonly onPage = (event: string, listener: (event: Event) => void): (() => void) => {
    const set = this.page.get(event) ?? new Set();
    this.page.set(event, set.add(listener));
    return () => set.delete(listener);
  };

  get chosenInput(): string | undefined {
    return this.#input;
  }

  fire(event: string): Event {
    const fired = new Event(event, { cancelable: true });
    for (const listener of this.page.get(event) ?? []) listener(fired);
    return fired;
  }

  get openTracks(): number {
    return this.tracks.filter(({ stopped }) => !stopped).length;
  }

  get listeners(): number {
    return [...this.page.values()].reduce((sum, { size }) => sum + size, 0);
  }
}
