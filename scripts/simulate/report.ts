import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ClusterPoint } from '../../server/src/cluster/simulation/index.ts';
import { drawPlot } from './plot.ts';
import type { Plot } from './plot.ts';
import type { Trace } from './trace.ts';

export type Figures = Readonly<Record<string, number | null>>;

const STYLE = `body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; background: #fff }
table { border-collapse: collapse } td { padding: .15rem 1.5rem .15rem 0; border-bottom: 1px solid #e3e8ee } td + td { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; margin: 1rem 0; font: 12px system-ui, sans-serif; fill: #1c2733 } .grid { stroke: #e3e8ee } .title { font-weight: 600 }
pre { background: #f4f6f8; padding: 1rem; overflow: auto }`;

/** Writes one HTML file with the figures, the plots and the trace itself. Nothing is loaded from anywhere. */
export function writeReport(file: string, trace: Trace, figures: Figures, points: readonly ClusterPoint[]): void {
  const rows = Object.entries(figures).map(
    ([name, value]) => `<tr><td>${name}</td><td>${value === null ? 'not in this trace' : inWords(value)}</td></tr>`,
  );
  const html = [
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escaped(trace.name)}</title><style>${STYLE}</style>`,
    `<h1>${escaped(trace.name)}</h1>`,
    ...(points.length === 0 ? [] : plotsOf(points).map(drawPlot)),
    `<h2>Figures</h2><table>${rows.join('')}</table>`,
    `<h2>Trace</h2><pre>${escaped(JSON.stringify(trace, null, 2))}</pre></html>`,
  ];
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${html.join('\n')}\n`);
}

function plotsOf(points: readonly ClusterPoint[]): Plot[] {
  const minutes = points.map(({ minute }) => minute);
  const of = (pick: (point: ClusterPoint) => number): number[] => points.map(pick);
  return [
    {
      ...{ title: 'Calls and channels', minutes },
      lines: [
        { name: 'channels', colour: '#8aa4c0', values: of(({ channels }) => channels), stepped: true },
        { name: 'calls', colour: '#0a7d54', values: of(({ live }) => live) },
      ],
    },
    {
      ...{ title: 'Nodes: there, draining, starting', minutes },
      lines: [{ name: 'nodes', colour: '#8aa4c0', values: of(({ nodes }) => nodes), stepped: true }],
    },
    {
      ...{ title: 'Calls that wait', minutes },
      lines: [{ name: 'waiting', colour: '#b06f00', values: of(({ waiting }) => waiting) }],
    },
    {
      ...{ title: 'Callers refused, calls dropped', minutes },
      lines: [
        { name: 'refused', colour: '#b06f00', values: of(({ refused }) => refused) },
        { name: 'dropped', colour: '#b3261e', values: of(({ dropped }) => dropped) },
      ],
    },
  ];
}

const inWords = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 5 });
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
