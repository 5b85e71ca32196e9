/** Share of the signal's power at one frequency, 0 to 1: a pure tone gives 1. 8 kHz samples. */
export function toneLevel(samples: Int16Array, hertz: number): number {
  let [re, im, power] = [0, 0, 0];
  for (const [at, sample] of samples.entries()) {
    const angle = (2 * Math.PI * hertz * at) / 8000;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
    power += sample * sample;
  }
  return power === 0 ? 0 : (2 * (re * re + im * im)) / (samples.length * power);
}
