import type { ReactElement } from 'react';
import type { ForecastView, NodeList, QueueView, TrunkList } from '@hookswitch/shared';
import { formatCount, formatSpan, formatTenth } from './cluster-format.ts';

export interface FiguresProps {
  readonly nodes: NodeList | undefined;
  readonly queue: QueueView | undefined;
  readonly forecast: ForecastView | undefined;
  readonly trunks: TrunkList | undefined;
}

interface Figure {
  readonly name: string;
  readonly testId: string;
  readonly value: string;
  readonly note: string;
}

/** What an operator looks at first. */
export function Figures({ nodes, queue, forecast, trunks }: FiguresProps): ReactElement {
  const figures = [...nodeFigures(nodes), queueFigure(queue), trunkFigure(trunks), forecastFigure(forecast)];
  return (
    <dl className="figures" data-testid="figures">
      {figures.map(({ name, testId, value, note }) => (
        <div key={name} className="card">
          <dt>{name}</dt>
          <dd data-testid={testId}>{value}</dd>
          <dd className="muted-text">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

function nodeFigures(list: NodeList | undefined): Figure[] {
  const all = list?.nodes ?? [];
  const ready = all.filter(({ state }) => state === 'ready');
  const legs = all.reduce((sum, { channels }) => sum + (channels ?? 0), 0);
  const capacity = ready.reduce((sum, each) => sum + (each.capacity ?? 0), 0);
  const others = all.length - ready.length;
  const known = list !== undefined;
  return [
    {
      name: 'Call legs',
      testId: 'figure-legs',
      value: known ? formatCount(legs) : '–',
      note: known ? `of ${formatCount(capacity)}; ${formatCount(list.room)} more fit now` : '',
    },
    {
      name: 'Nodes',
      testId: 'figure-nodes',
      value: known ? formatCount(ready.length) : '–',
      note: others === 0 ? 'all ready' : `and ${formatCount(others)} draining or silent`,
    },
  ];
}

function queueFigure(queue: QueueView | undefined): Figure {
  const wait = queue?.oldestWaitMs ?? null;
  return {
    name: 'Calls waiting',
    testId: 'figure-waiting',
    value: queue === undefined ? '–' : formatCount(queue.waiting),
    note: wait === null ? 'none has to wait' : `the longest for ${formatSpan(wait)}`,
  };
}

function trunkFigure(list: TrunkList | undefined): Figure {
  const down = list?.trunks.filter(({ gateways }) => gateways.some(({ up }) => !up)).length ?? 0;
  const used = list?.trunks.reduce((sum, trunk) => sum + trunk.in + trunk.out, 0);
  return {
    name: 'Calls on trunks',
    testId: 'figure-trunks',
    value: used === undefined ? '–' : formatCount(used),
    note: down === 0 ? 'all gateways up' : `${formatCount(down)} with a gateway down`,
  };
}

function forecastFigure(view: ForecastView | undefined): Figure {
  const most = view === undefined ? undefined : Math.max(0, ...view.expected.map(({ mean }) => mean));
  const isKnown = most !== undefined && view?.trusted === true;
  return {
    name: 'Most expected',
    testId: 'figure-expected',
    value: isKnown ? formatTenth(most) : '–',
    note: isKnown ? 'call legs, in the time shown' : 'no day of history yet',
  };
}
