/** Frequencies of the keys' tones, Hz: ITU-T Q.23. */
const DTMF: Readonly<Record<string, readonly [number, number]>> = Object.fromEntries(
  ['123A', '456B', '789C', '*0#D'].flatMap((row, r) =>
    Array.from(row).map((key, c) => [key, [[697, 770, 852, 941][r] ?? 0, [1209, 1336, 1477, 1633][c] ?? 0]]),
  ),
);
const LEVEL = 0.08;
const DIGIT_SECONDS = 0.12;
/** The ring: two short warbles, then silence. */
const RING = { hz: [660, 830], burst: 0.4, gap: 0.2, period: 3, level: 0.14 } as const;

/** Local sounds for the person at the device: synthesised, nothing of them reaches the other party. */
export interface Tones {
  /** Rings until the result is called. */
  ring(): () => void;
  /** A short feedback tone for a key. Unknown keys are silent. */
  digit(key: string): void;
  /** Browsers keep pages silent until a person touched them: whether sound is blocked now. */
  readonly isBlocked: boolean;
  /** Call it from a click or key handler to lift the block. */
  unblock(): Promise<void>;
  close(): void;
}

/** Made on first use, so that a page that never rings opens no audio device. */
export function webAudioTones(): Tones {
  let context: AudioContext | undefined;
  const audio = (): AudioContext => (context ??= new AudioContext());
  return {
    ring: () => ring(audio()),
    digit: (key) => {
      const pair = DTMF[key.toUpperCase()];
      if (pair === undefined) return;
      const { currentTime } = audio();
      for (const hz of pair) beep(audio(), { hz, at: currentTime, seconds: DIGIT_SECONDS, level: LEVEL });
    },
    get isBlocked() {
      return context?.state === 'suspended';
    },
    unblock: async () => {
      if (audio().state === 'suspended') await audio().resume();
    },
    close: () => {
      void context?.close().catch(() => undefined);
      context = undefined;
    },
  };
}

function ring(context: AudioContext): () => void {
  const gain = context.createGain();
  gain.gain.value = 0;
  gain.connect(context.destination);
  const sources = RING.hz.map((hz) => {
    const source = context.createOscillator();
    source.frequency.value = hz;
    source.connect(gain);
    source.start();
    return source;
  });
  // Bursts are scheduled by the audio clock well ahead: timers of background tabs are too slow for a cadence.
  const begin = context.currentTime + 0.05;
  for (let n = 0; n < 60; n++) {
    for (const offset of [0, RING.burst + RING.gap]) {
      const at = begin + n * RING.period + offset;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(RING.level, at + 0.02);
      gain.gain.setValueAtTime(RING.level, at + RING.burst - 0.04);
      gain.gain.linearRampToValueAtTime(0, at + RING.burst);
    }
  }
  return () => {
    for (const source of sources) source.stop();
    gain.disconnect();
  };
}

function beep(context: AudioContext, tone: { hz: number; at: number; seconds: number; level: number }): void {
  const gain = context.createGain();
  const source = context.createOscillator();
  source.frequency.value = tone.hz;
  gain.gain.setValueAtTime(0, tone.at);
  gain.gain.linearRampToValueAtTime(tone.level, tone.at + 0.008);
  gain.gain.setValueAtTime(tone.level, tone.at + tone.seconds - 0.02);
  gain.gain.linearRampToValueAtTime(0, tone.at + tone.seconds);
  source.connect(gain).connect(context.destination);
  source.start(tone.at);
  source.stop(tone.at + tone.seconds);
  source.onended = () => {
    gain.disconnect();
  };
}
