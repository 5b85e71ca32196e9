import type { Emitter } from '../../kernel/index.ts';
import type { LegEvents } from '../ports.ts';
import { SILENCE_DEFAULTS, SilenceDetector } from '../quality/silence-detector.ts';

/** Turns what a leg's audio holds into its events `quiet` and `sound`. @param afterMs how long it has to be silent (default 30 s) */
export function watchSilence(events: Emitter<LegEvents>, afterMs = SILENCE_DEFAULTS.afterMs): SilenceDetector {
  const listener = {
    quiet: (forMs: number, levelDbov: number): void => {
      events.emit('quiet', { forMs, levelDbov });
    },
    sound: (forMs: number): void => {
      events.emit('sound', { afterMs: forMs });
    },
  };
  return new SilenceDetector(listener, { ...SILENCE_DEFAULTS, afterMs });
}
