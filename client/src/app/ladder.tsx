import type { ReactElement } from 'react';
import type { CallTrace, TraceEntry } from '@hookswitch/shared';

const GAP = 210;
const EDGE = 90;
const TOP = 46;
const ROW = 30;

export interface LadderProps {
  readonly trace: CallTrace;
  readonly chosen: number | undefined;
  readonly onChoose: (index: number) => void;
}

/** The ladder as a picture. For those who see it: the list beside it says the same to everybody. */
export function Ladder({ trace, chosen, onChoose }: LadderProps): ReactElement {
  const { parties, entries } = trace;
  const x = new Map(parties.map(({ id }, index) => [id, EDGE + index * GAP]));
  const width = 2 * EDGE + Math.max(1, parties.length - 1) * GAP;
  const height = TOP + entries.length * ROW + 10;
  return (
    <div className="ladder" tabIndex={0} role="region" aria-label="Ladder diagram, scrolls sideways">
      <svg width={width} height={height} aria-hidden="true" data-testid="trace-ladder">
        {parties.map((party) => (
          <g key={party.id} className={`party ${party.kind}`}>
            <text x={x.get(party.id)} y={16} textAnchor="middle">
              {clip(party.label, 28)}
            </text>
            <text x={x.get(party.id)} y={32} textAnchor="middle" className="party-note">
              {clip(party.note ?? '', 28)}
            </text>
            <line x1={x.get(party.id)} x2={x.get(party.id)} y1={TOP - 8} y2={height} />
          </g>
        ))}
        {entries.map((entry, index) => (
          <g
            key={index}
            className={`step ${entry.kind}${entry.failed === true ? ' bad' : ''}${index === chosen ? ' chosen' : ''}`}
            onClick={() => {
              onChoose(index);
            }}
          >
            <rect x={0} y={TOP + index * ROW} width={width} height={ROW} className="step-ground" />
            <Step entry={entry} x={x} y={TOP + index * ROW + ROW - 8} width={width} />
          </g>
        ))}
      </svg>
    </div>
  );
}

interface StepProps {
  readonly entry: TraceEntry;
  readonly x: ReadonlyMap<string, number>;
  readonly y: number;
  readonly width: number;
}

function Step({ entry, x, y, width }: StepProps): ReactElement {
  const from = x.get(entry.from) ?? EDGE;
  const to = entry.to === undefined ? undefined : x.get(entry.to);
  const time = (
    <text x={4} y={y - 4} className="step-time">
      {seconds(entry)}
    </text>
  );
  if (to === undefined) {
    return (
      <>
        {time}
        <circle cx={from} cy={y - 5} r={3.5} />
        <text x={from + 9} y={y - 1} className="step-note">
          {clip(`${entry.title} ${entry.summary}`, Math.max(24, Math.floor((width - from) / 6.6)))}
        </text>
      </>
    );
  }
  const head = from < to ? -7 : 7;
  return (
    <>
      {time}
      <line x1={from} x2={to} y1={y} y2={y} className="arrow" />
      <path d={`M ${to} ${y} l ${head} -4 v 8 z`} />
      <text x={(from + to) / 2} y={y - 5} textAnchor="middle">
        {clip(labelOf(entry), Math.floor(Math.abs(to - from) / 6.6))}
      </text>
    </>
  );
}

export const seconds = ({ offsetMs }: TraceEntry): string => `${(offsetMs / 1000).toFixed(3)} s`;

export function labelOf({ title, repeats, summary }: TraceEntry): string {
  return `${title}${repeats === undefined ? '' : ` ×${repeats}`}${summary === '' ? '' : ` · ${summary}`}`;
}

const clip = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);
