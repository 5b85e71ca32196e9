import { describe, expect, it } from 'vitest';
import { MachineDetector } from './machine-detector.ts';
import type { MachineVerdict } from './machine-detector.ts';
import { renderTone } from './tones.ts';

const OPTIONS = {
  timeoutMs: 30_000,
  speechThresholdMs: 2400,
  speechEndThresholdMs: 1200,
  silenceTimeoutMs: 5000,
} as const;

/** Something like speech: syllables of a buzzing voice that glides, so that no frame is one tone. */
function speech(ms: number): Int16Array {
  const samples = new Int16Array(ms * 8);
  for (let at = 0; at < samples.length; at++) {
    const seconds = at / 8000;
    const syllable = Math.sin(2 * Math.PI * 4 * seconds) > -0.7 ? 1 : 0.05;
    let value = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++) {
      const hertz = 120 + 20 * Math.sin(2 * Math.PI * 0.7 * seconds);
      value += Math.sin(2 * Math.PI * hertz * harmonic * seconds) / harmonic;
    }
    samples[at] = Math.round(value * 3000 * syllable);
  }
  return samples;
}
/** The noise of a line. */
const silence = (ms: number): Int16Array => Int16Array.from({ length: ms * 8 }, (_, at) => ((at * 7919) % 41) - 20);
const tone = (hertz: number, ms: number): Int16Array =>
  renderTone({ frequencies: [hertz], cadenceMs: [], levelDbm0: -10 }, 0, ms * 8);

function run(
  mode: 'enable' | 'message-end',
  ...parts: readonly Int16Array[]
): { verdict: MachineVerdict | undefined; ms: number } {
  const detector = new MachineDetector({ mode, ...OPTIONS });
  for (const part of parts) {
    for (let at = 0; at + 160 <= part.length; at += 160) {
      const verdict = detector.frame(part.subarray(at, at + 160));
      if (verdict !== undefined) return { verdict, ms: detector.elapsedMs };
    }
  }
  return { verdict: undefined, ms: detector.elapsedMs };
}

describe('answering machine detection', () => {
  it('CR-5 "hello?" and waiting is a person, told when the pause is long enough', () => {
    const { verdict, ms } = run('enable', silence(500), speech(800), silence(4000));
    expect(verdict).toBe('human');
    expect(ms).toBeGreaterThan(2300);
    expect(ms).toBeLessThan(2900);
  });

  it('CR-5 a long greeting is a machine, told while it talks', () => {
    const { verdict, ms } = run('enable', silence(300), speech(8000));
    expect(verdict).toBe('machine_start');
    expect(ms).toBeLessThan(3200);
  });

  it('CR-5 message-end waits for the beep', () => {
    const { verdict, ms } = run(
      'message-end',
      silence(300),
      speech(6000),
      silence(700),
      tone(1000, 400),
      silence(3000),
    );
    expect(verdict).toBe('machine_end_beep');
    expect(ms).toBeGreaterThan(7300);
    expect(ms).toBeLessThan(7700);
  });

  it('CR-5 a greeting without a beep ends with silence', () => {
    expect(run('message-end', speech(6000), silence(5000)).verdict).toBe('machine_end_silence');
  });

  it('CR-5 a greeting that never ends', () => {
    expect(run('message-end', speech(40_000))).toEqual({ verdict: 'machine_end_other', ms: 30_000 });
  });

  it('CR-5 nobody says anything', () => {
    expect(run('enable', silence(10_000))).toEqual({ verdict: 'unknown', ms: 5000 });
  });

  it('CR-5 a fax answers with 2,100 Hz', () => {
    expect(run('enable', silence(200), tone(2100, 2600)).verdict).toBe('fax');
  });

  it('CR-5 a person with message-end is told at once too', () => {
    expect(run('message-end', speech(900), silence(3000)).verdict).toBe('human');
  });
});
