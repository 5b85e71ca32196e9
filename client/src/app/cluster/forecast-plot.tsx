import { useEffect, useRef, useState } from 'react';
import type { ReactElement, RefObject } from 'react';
import type { DecisionList, ForecastView } from '@hookswitch/shared';
import { formatCount, formatMoment, formatTenth } from './cluster-format.ts';
import { bandOf, lineOf, marksOf, scaleOf, stepsOf } from './plot-scale.ts';
import type { PlotScale } from './plot-scale.ts';

const HEIGHT = 260;
const GAP_MS = 2 * 3_600_000;

export interface ForecastPlotProps {
  readonly view: ForecastView;
  readonly hours: number;
  readonly decisions: DecisionList;
  /** The decision that is pointed out, by its time. */
  readonly chosen: string | undefined;
  readonly onChoose: (at: string) => void;
}

/** Load that was and that is expected, what had been said of it, and the channels there were for it. */
export function ForecastPlot({ view, hours, decisions, chosen, onChoose }: ForecastPlotProps): ReactElement {
  const figure = useRef<HTMLElement>(null);
  const width = useWidth(figure);
  const frame = { width, height: HEIGHT, left: 40, right: 10, top: 18, bottom: 24 };
  const scale = scaleOf(view, hours, frame);
  const { x, y } = scale;
  const bottom = HEIGHT - frame.bottom;
  const now = x(view.at);
  const loads = [...view.actual.map(({ at, load }) => [at, load] as const), [view.at, view.load] as const];
  return (
    <figure className="forecast-plot" ref={figure}>
      <svg width={width} height={HEIGHT} role="img" aria-label={inWords(view)} data-testid="forecast-plot">
        <Grid scale={scale} left={frame.left} right={width - frame.right} bottom={bottom} />
        <path className="plot-band" d={bandOf(view.expected, scale)} />
        <path className="plot-capacity" d={stepsOf(clipped(view, scale), scale, width - frame.right)} />
        <path
          className="plot-said"
          d={lineOf(
            view.said.map(({ at, mean }) => [at, mean]),
            scale,
            GAP_MS,
          )}
        />
        <path
          className="plot-expected"
          d={lineOf(
            view.expected.map(({ at, mean }) => [at, mean]),
            scale,
            GAP_MS,
          )}
        />
        <path className="plot-actual" d={lineOf(loads, scale, GAP_MS)} />
        <line className="plot-now" x1={now} x2={now} y1={frame.top} y2={bottom} />
        <circle className="plot-dot" cx={now} cy={y(view.load)} r={4} />
        {marksOf(decisions, scale).map(({ at, action, nodes, wanted }) => (
          <path
            key={at}
            className={`plot-mark ${action}${at === chosen ? ' chosen' : ''}`}
            d={action === 'expand' ? 'M0 -6L6 5L-6 5Z' : 'M0 6L6 -5L-6 -5Z'}
            transform={`translate(${x(at)} 9)`}
            data-testid="plot-mark"
            onClick={() => {
              onChoose(at);
            }}
          >
            <title>{`${formatMoment(at, Date.parse(view.at))}: ${nodes} to ${wanted} nodes`}</title>
          </path>
        ))}
      </svg>
      <Legend leadMinutes={view.leadMinutes} />
    </figure>
  );
}

/** For those who do not see it. */
export function inWords({ load, expected, meanError, leadMinutes, at }: ForecastView): string {
  const peak = expected.reduce<ForecastView['expected'][number] | undefined>(
    (most, point) => (most === undefined || point.mean > most.mean ? point : most),
    undefined,
  );
  const soon =
    peak === undefined
      ? 'Nothing is expected yet: there is no history.'
      : `The most expected is ${formatTenth(peak.mean)}, give or take ${formatTenth(peak.error)}, at ${formatMoment(peak.at, Date.parse(at))}.`;
  const said =
    meanError === null
      ? ''
      : ` What was said ${leadMinutes} minutes before was off by ${formatTenth(meanError)} on average.`;
  return `${formatCount(load)} call legs now. ${soon}${said}`;
}

function Legend({ leadMinutes }: { readonly leadMinutes: number }): ReactElement {
  const lines = [
    ['plot-actual', 'call legs'],
    ['plot-said', `as said ${leadMinutes} min before`],
    ['plot-expected', 'expected'],
    ['plot-capacity', 'channels there are'],
  ] as const;
  return (
    <figcaption className="plot-legend">
      {lines.map(([name, text]) => (
        <span key={name}>
          <svg width="22" height="10" aria-hidden="true">
            <path className={name} d="M1 5H21" />
          </svg>
          {text}
        </span>
      ))}
      <span>
        <svg width="22" height="10" aria-hidden="true">
          <rect className="plot-band" width="22" height="10" />
        </svg>
        nine times out of ten
      </span>
      <span>
        <svg width="26" height="12" aria-hidden="true">
          <path className="plot-mark expand" d="M6 0L12 11L0 11Z" />
          <path className="plot-mark contract" d="M20 12L26 1L14 1Z" />
        </svg>
        more, fewer nodes wanted
      </span>
    </figcaption>
  );
}

interface GridProps {
  readonly scale: PlotScale;
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}

function Grid({ scale, left, right, bottom }: GridProps): ReactElement {
  const { rows, columns, y, x } = scale;
  return (
    <g className="plot-grid">
      {rows.map((row) => (
        <g key={row}>
          <line x1={left} x2={right} y1={y(row)} y2={y(row)} />
          <text x={left - 6} y={y(row) + 4} textAnchor="end">
            {formatCount(row)}
          </text>
        </g>
      ))}
      {columns.map((column) => {
        const at = x(new Date(column).toISOString());
        return at > right - 14 ? null : (
          <text key={column} x={at} y={bottom + 17} textAnchor="middle">
            {label(column)}
          </text>
        );
      })}
    </g>
  );
}

function label(time: number): string {
  const date = new Date(time);
  return date.getHours() === 0
    ? date.toLocaleDateString('en-GB', { weekday: 'short' })
    : date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** What begins before the time that is shown begins where that does. */
function clipped({ capacity }: ForecastView, { from }: PlotScale): ForecastView['capacity'] {
  return capacity.map(({ at, channels }) => ({ at: new Date(Math.max(from, Date.parse(at))).toISOString(), channels }));
}

/** Follows the width of an element, so that text in a picture stays as large as other text. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(360);
  useEffect(() => {
    if (element.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.max(240, Math.floor(entry.contentRect.width)));
    });
    observer.observe(element.current);
    return () => {
      observer.disconnect();
    };
  }, [element]);
  return width;
}
