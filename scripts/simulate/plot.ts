/** A line of a plot. */
export interface PlotLine {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
  /** As steps, for what jumps. */
  readonly stepped?: boolean;
}

export interface Plot {
  readonly title: string;
  /** Of each value, in the order of time. */
  readonly minutes: readonly number[];
  readonly lines: readonly PlotLine[];
}

const FRAME = { width: 960, height: 240, left: 60, right: 20, top: 34, bottom: 30 };
/** Between two marks of time, minutes: the first with which there are at most twelve. */
const TIME_STEPS = [1, 2, 5, 10, 30, 60, 120, 360, 720, 1440, 2880, 7 * 1440];
const DAY_MINUTES = 1440;

/** One plot as SVG. */
export function drawPlot({ title, minutes, lines }: Plot): string {
  const { width, height, left, right, top, bottom } = FRAME;
  const [first = 0, last = 1] = [minutes[0], minutes.at(-1)];
  const most = niceTop(lines.reduce((high, { values }) => values.reduce((a, b) => Math.max(a, b), high), 1));
  const x = (minute: number): number =>
    round(left + ((minute - first) / Math.max(1, last - first)) * (width - left - right));
  const y = (value: number): number => round(height - bottom - (value / most) * (height - top - bottom));
  const levels = [0, 0.25, 0.5, 0.75, 1].map((part) => part * most);
  const step = TIME_STEPS.find((each) => (last - first) / each <= 12) ?? 7 * 1440;
  const marks: number[] = [];
  for (let at = first; at <= last; at += step) marks.push(at);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    `<text x="${left}" y="18" class="title">${title}</text>`,
    ...levels.map(
      (value) =>
        `<path d="M${left} ${y(value)}H${width - right}" class="grid"/><text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${amount(value)}</text>`,
    ),
    ...marks.map((at) => `<text x="${x(at)}" y="${height - 10}" text-anchor="middle">${timeOf(at, step)}</text>`),
    ...lines.map(({ colour, values, stepped }) => {
      const points = values.map((value, index) => [x(minutes[index] ?? 0), y(value)] as const);
      return `<path d="${pathOf(points, stepped === true)}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
    }),
    ...lines.map(({ name, colour }, index) => {
      const at = width - right - (lines.length - index) * 150;
      return `<rect x="${at}" y="9" width="12" height="12" fill="${colour}"/><text x="${at + 18}" y="19">${name}</text>`;
    }),
    '</svg>',
  ].join('\n');
}

function pathOf(points: readonly (readonly [number, number])[], stepped: boolean): string {
  return points.map(([x, y], index) => (index === 0 ? `M${x} ${y}` : stepped ? `H${x}V${y}` : `L${x} ${y}`)).join('');
}

/** The next of 1, 2, 4, 8 times a power of ten: a quarter of it is a number that can be read. */
function niceTop(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 8, 10].map((each) => each * power).find((each) => each >= most) ?? most;
}

function timeOf(minute: number, step: number): string {
  if (step >= DAY_MINUTES) return `day ${Math.floor(minute / DAY_MINUTES) + 1}`;
  return `${Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`;
}

const amount = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 });
const round = (value: number): number => Math.round(value * 10) / 10;
