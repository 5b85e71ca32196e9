/** Zero crossings of the sinc on each side: flat to 3.4 kHz, more than 90 dB down at the alias of 4.6 kHz. */
const ZERO_CROSSINGS = 32;
const KAISER_BETA = 9.5;
/** Where the band ends, as a share of the lower rate's half. */
const CUTOFF = 0.955;
/**
 * Most coefficients of the polyphase filter, so that an odd rate costs milliseconds, not seconds. Rates whose ratio needs
 * more (44 101 Hz) use the nearest phase: the error stays more than 60 dB down, far below G.711's own noise.
 */
const MAX_COEFFICIENTS = 100_000;

function bessel0(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

interface Filter {
  readonly taps: number;
  /** One row of `taps` coefficients per phase. */
  readonly rows: Float64Array[];
}

function design(from: number, to: number, up: number): Filter {
  // Time runs in input samples. The filter is as wide as the lower of the two rates asks for.
  const bandwidth = Math.min(1, to / from) * CUTOFF;
  const half = Math.ceil(ZERO_CROSSINGS / bandwidth);
  const taps = 2 * half;
  const phases = Math.min(up, Math.ceil(MAX_COEFFICIENTS / taps));
  const window = bessel0(KAISER_BETA);
  const rows = Array.from({ length: phases }, (_, phase) => {
    const row = new Float64Array(taps);
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const x = tap - half + 1 - phase / phases;
      const position = x / half;
      const kaiser = Math.abs(position) >= 1 ? 0 : bessel0(KAISER_BETA * Math.sqrt(1 - position * position)) / window;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * bandwidth) / (Math.PI * x * bandwidth);
      sum += row[tap] = sinc * kaiser;
    }
    return row.map((coefficient) => coefficient / sum); // unity gain at 0 Hz in every phase
  });
  return { taps, rows };
}

/**
 * Changes the sample rate of a whole recording: polyphase FIR, Kaiser-windowed sinc. No delay: output sample 0 is input
 * sample 0. Values outside the range of 16 bits are clipped by whoever narrows them.
 */
export function resample(input: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return input;
  const divisor = greatestCommonDivisor(from, to);
  const [up, down] = [to / divisor, from / divisor];
  const { taps, rows } = design(from, to, up);
  const phases = rows.length;
  const half = taps / 2;
  const output = new Float32Array(Math.ceil((input.length * up) / down));
  for (let at = 0; at < output.length; at++) {
    const time = at * down;
    let whole = Math.floor(time / up);
    let phase = Math.round(((time % up) * phases) / up);
    if (phase === phases) [whole, phase] = [whole + 1, 0];
    const row = rows[phase] ?? new Float64Array(taps);
    const first = whole - half + 1;
    const [start, end] = [Math.max(0, -first), Math.min(taps, input.length - first)];
    let sum = 0;
    for (let tap = start; tap < end; tap++) sum += (row[tap] ?? 0) * (input[first + tap] ?? 0);
    output[at] = sum;
  }
  return output;
}
