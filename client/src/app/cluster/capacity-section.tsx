import { useState } from 'react';
import type { ReactElement } from 'react';
import type { DecisionList, ForecastView } from '@hookswitch/shared';
import { formatMoment, formatTenth, plural } from './cluster-format.ts';
import { ForecastPlot, inWords } from './forecast-plot.tsx';
import { Badge, Section } from './parts.tsx';
import type { Polled } from './use-poll.ts';

type Decision = DecisionList['decisions'][number];

/** Time that can be looked back, and ahead, hours. */
export const SPANS = [
  { hours: 6, ahead: 2, text: '6 hours' },
  { hours: 24, ahead: 6, text: '1 day' },
  { hours: 168, ahead: 24, text: '1 week' },
] as const;
export type Span = (typeof SPANS)[number];

/** Rows of the list of decisions. */
const SHOWN_DECISIONS = 30;
const NO_DECISIONS: DecisionList = { decisions: [] };
const ACTIONS = { expand: 'more wanted', contract: 'fewer wanted', hold: 'as it was' } as const;
const TONES = { expand: 'warn', contract: 'good', hold: 'good' } as const;

export interface CapacitySectionProps {
  readonly forecast: Polled<ForecastView>;
  readonly decisions: Polled<DecisionList>;
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
}

/** Forecast against actual, and what was decided by it. */
export function CapacitySection({ forecast, decisions, span, onSpan }: CapacitySectionProps): ReactElement {
  const [chosen, setChosen] = useState<string>();
  const view = forecast.value;
  return (
    <>
      <Section
        title="Forecast against actual"
        testId="console-forecast"
        problem={forecast.problem}
        isLoading={view === undefined}
        beside={<SpanChoice span={span} onSpan={onSpan} />}
      >
        {view !== undefined && (
          <>
            <p className="sentence" data-testid="forecast-sentence">
              {inWords(view)}
            </p>
            {!view.trusted && (
              <p className="note">
                Nothing is built on the forecast before it has seen a day; it has seen{' '}
                {plural(Math.floor(view.seenMinutes / 60), 'hour')}. Until then what is now is what is expected.
              </p>
            )}
            <ForecastPlot
              view={view}
              hours={span.hours}
              decisions={decisions.value ?? NO_DECISIONS}
              chosen={chosen}
              onChoose={setChosen}
            />
          </>
        )}
      </Section>
      <Section
        title="Decisions"
        testId="console-decisions"
        problem={decisions.problem}
        isLoading={decisions.value === undefined}
      >
        <Decisions all={decisions.value ?? NO_DECISIONS} chosen={chosen} onChoose={setChosen} />
      </Section>
    </>
  );
}

function SpanChoice({ span, onSpan }: Pick<CapacitySectionProps, 'span' | 'onSpan'>): ReactElement {
  return (
    <fieldset className="segments small" aria-label="Time shown">
      {SPANS.map((each) => (
        <label key={each.hours} className={each.hours === span.hours ? 'segment chosen' : 'segment'}>
          <input
            type="radio"
            name="span"
            checked={each.hours === span.hours}
            onChange={() => {
              onSpan(each);
            }}
          />
          {each.text}
        </label>
      ))}
    </fieldset>
  );
}

interface DecisionsProps {
  readonly all: DecisionList;
  readonly chosen: string | undefined;
  readonly onChoose: (at: string | undefined) => void;
}

function Decisions({ all, chosen, onChoose }: DecisionsProps): ReactElement {
  const [withHolds, setWithHolds] = useState(false);
  const newest = all.decisions.at(-1);
  const shown = all.decisions
    .filter((decision) => withHolds || decision.action !== 'hold' || decision === newest)
    .slice(-SHOWN_DECISIONS)
    .toReversed();
  if (newest === undefined) {
    return <p className="empty">Nothing was decided yet. The first decision comes within a minute of the start.</p>;
  }
  return (
    <>
      <label className="check">
        <input
          type="checkbox"
          checked={withHolds}
          onChange={(event) => {
            setWithHolds(event.target.checked);
          }}
        />
        Also those that changed nothing
      </label>
      <ol className="trace-list" data-testid="decisions">
        {shown.map((decision) => (
          <DecisionItem key={decision.at} decision={decision} isOpen={decision.at === chosen} onChoose={onChoose} />
        ))}
      </ol>
    </>
  );
}

interface DecisionItemProps {
  readonly decision: Decision;
  readonly isOpen: boolean;
  readonly onChoose: (at: string | undefined) => void;
}

function DecisionItem({ decision, isOpen, onChoose }: DecisionItemProps): ReactElement {
  const { at, action, nodes, wanted, load, reasons, wouldWait } = decision;
  return (
    <li data-testid="decision">
      <button
        type="button"
        className="trace-row"
        aria-expanded={isOpen}
        onClick={() => {
          onChoose(isOpen ? undefined : at);
        }}
      >
        <time dateTime={at}>{formatMoment(at, Date.now())}</time>
        <Badge tone={TONES[action]}>{ACTIONS[action]}</Badge>
        <span className="trace-parties">
          {plural(nodes, 'node')}
          {wanted === nodes ? '' : ` → ${wanted}`}
        </span>
        <span className="trace-status">{formatTenth(load)} call legs</span>
        {!isOpen && reasons[0] !== undefined && <span className="decision-why">{reasons[0]}</span>}
      </button>
      {isOpen && (
        <ul className="reasons" data-testid="decision-reasons">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
          <li>{formatTenth(wouldWait * 100)} % of calls would have to wait with the nodes there were (Erlang C)</li>
        </ul>
      )}
    </li>
  );
}
