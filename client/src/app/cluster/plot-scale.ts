import type { DecisionList, ForecastView } from '@hookswitch/shared';

/** Standard deviations that are provided for: 95 of 100 times the load stays below. */
export const SIGMAS = 1.65;

export interface PlotFrame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where things are in a plot. */
export interface PlotScale {
  readonly x: (iso: string) => number;
  readonly y: (load: number) => number;
  readonly from: number;
  readonly to: number;
  /** Values of the lines across. */
  readonly rows: readonly number[];
  /** Times of the lines down, epoch milliseconds. */
  readonly columns: readonly number[];
}

const HOUR_MS = 3_600_000;
const STEPS_H = [1, 2, 3, 6, 12, 24] as const;
const LABEL_WIDTH = 64;

/** @param hours of the past that are shown */
export function scaleOf(view: ForecastView, hours: number, frame: PlotFrame): PlotScale {
  const now = Date.parse(view.at);
  const from = now - hours * HOUR_MS;
  const to = Math.max(now + HOUR_MS / 4, ...view.expected.slice(-1).map(({ at }) => Date.parse(at)));
  const most = Math.max(
    4,
    view.load,
    ...view.actual.map(({ load }) => load),
    ...[...view.said, ...view.expected].map(({ mean, error }) => mean + SIGMAS * error),
    ...view.capacity.map(({ channels }) => channels),
  );
  const step = niceStep(most / 4);
  const top = Math.ceil(most / step) * step;
  const { width, height, left, right } = frame;
  const x = (time: number): number => left + ((time - from) / (to - from)) * (width - left - right);
  const y = (load: number): number => height - frame.bottom - (load / top) * (height - frame.top - frame.bottom);
  const rows = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  return { x: (iso) => x(Date.parse(iso)), y, from, to, rows, columns: columnsOf(from, to, width - left - right) };
}

/** 1, 2 or 5 times a power of ten, not below what is wanted. */
export function niceStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= wanted) ?? 10;
  return Math.max(1, step * power);
}

/** Full hours of the reader's day, as far apart as their labels need. */
function columnsOf(from: number, to: number, width: number): number[] {
  const room = Math.max(1, Math.floor(width / LABEL_WIDTH));
  const hours = (to - from) / HOUR_MS;
  const step = STEPS_H.find((each) => hours / each <= room) ?? 24;
  const first = new Date(from);
  first.setHours(Math.ceil((first.getHours() + 1) / step) * step, 0, 0, 0);
  const columns: number[] = [];
  for (let time = first.getTime(); time <= to; time += step * HOUR_MS) columns.push(time);
  return columns;
}

/** Decisions that changed something within the time that is shown. */
export function marksOf({ decisions }: DecisionList, { from, to }: PlotScale): DecisionList['decisions'] {
  return decisions.filter(({ action, at }) => action !== 'hold' && Date.parse(at) >= from && Date.parse(at) <= to);
}

/** `M1 2L3 4`; undefined where there is nothing to draw. A gap of more than `gapMs` is left open. */
export function lineOf(points: readonly (readonly [at: string, y: number])[], scale: PlotScale, gapMs: number): string {
  let path = '';
  let before = -Infinity;
  for (const [at, load] of points) {
    const time = Date.parse(at);
    if (time < scale.from) continue;
    path += `${time - before > gapMs ? 'M' : 'L'}${scale.x(at).toFixed(1)} ${scale.y(load).toFixed(1)}`;
    before = time;
  }
  return path;
}

/** What is expected with its error, as an area. */
export function bandOf(points: ForecastView['expected'], { x, y }: PlotScale): string {
  if (points.length === 0) return '';
  const edge = (sign: number) => (point: ForecastView['expected'][number]) =>
    `${x(point.at).toFixed(1)} ${y(Math.max(0, point.mean + sign * SIGMAS * point.error)).toFixed(1)}`;
  return `M${points.map(edge(1)).join('L')}L${points.toReversed().map(edge(-1)).join('L')}Z`;
}

/** Capacity holds until it changes. */
export function stepsOf(points: ForecastView['capacity'], { x, y }: PlotScale, end: number): string {
  let path = '';
  for (const { at, channels } of points) {
    const [right, top] = [x(at).toFixed(1), y(channels).toFixed(1)];
    path += path === '' ? `M${right} ${top}` : `H${right}V${top}`;
  }
  return path === '' ? '' : `${path}H${end}`;
}
