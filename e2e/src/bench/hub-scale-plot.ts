import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from '../fixtures/server.ts';
import type { ScalePoint } from './hub-scale.ts';

interface Figures {
  readonly byConnections: readonly ScalePoint[];
  readonly byTopics: readonly ScalePoint[];
  /** Subscribers that the events go to. */
  readonly active: number;
}

const WIDTH = 720;
const HEIGHT = 300;
const PANEL = { width: 280, height: 190, top: 50 };

/** Draws the figures as docs/hub-scale.svg and writes docs/hub-scale.md around it. */
export async function writePlot(figures: Figures): Promise<void> {
  await writeFile(join(REPOSITORY, 'docs/hub-scale.svg'), svg(figures));
  await writeFile(join(REPOSITORY, 'docs/hub-scale.md'), markdown(figures));
}

function svg({ byConnections, byTopics }: Figures): string {
  const most = Math.max(...[...byConnections, ...byTopics].map(({ cpu_us: us }) => us));
  const top = Math.max(5, Math.ceil((most * 1.25) / 5) * 5);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${panel(byConnections, { left: 60, top, title: 'idle connections' })}
${panel(byTopics, { left: 420, top, title: 'idle topics' })}
</svg>
`;
}

function panel(
  points: readonly ScalePoint[],
  { left, top, title }: { readonly left: number; readonly top: number; readonly title: string },
): string {
  const [from, to] = [Math.log10(points[0]?.n ?? 1), Math.log10(points.at(-1)?.n ?? 10)];
  const bottom = PANEL.top + PANEL.height;
  const x = (n: number): number => Math.round(left + ((Math.log10(n) - from) / (to - from)) * PANEL.width);
  const y = (us: number): number => Math.round(bottom - (us / top) * PANEL.height);
  const steps = [0, 1, 2, 3, 4].map((step) => (step * top) / 4);
  return [
    `<text x="${left}" y="30" font-weight="bold">CPU per delivery (µs) by ${title}</text>`,
    ...steps.map(
      (us) =>
        `<path d="M${left} ${y(us)}H${left + PANEL.width}" stroke="#ddd"/><text x="${left - 8}" y="${y(us) + 4}" text-anchor="end">${us}</text>`,
    ),
    ...points.map(
      ({ n }) => `<text x="${x(n)}" y="${bottom + 18}" text-anchor="middle">${n.toLocaleString('en')}</text>`,
    ),
    `<polyline fill="none" stroke="#0a6" stroke-width="2" points="${points.map(({ n, cpu_us: us }) => `${x(n)},${y(us)}`).join(' ')}"/>`,
    ...points.map(({ n, cpu_us: us }) => `<circle cx="${x(n)}" cy="${y(us)}" r="3.5" fill="#0a6"/>`),
  ].join('\n');
}

function markdown({ byConnections, byTopics, active }: Figures): string {
  return `# What an event costs beside idle connections and topics

Written by \`npm run bench -- hub-scale --plot\`; the machine that ran it decides the figures, their being level is the point.

![CPU per delivery by idle connections and by idle topics](hub-scale.svg)

CPU of the gateway process for one delivery (user and system), events to ${active} subscribers of one topic, less what the process
uses without events, which is beside it as percent of a core.

${table('Idle connections', byConnections)}
${table('Idle topics', byTopics)}`;
}

function table(title: string, points: readonly ScalePoint[]): string {
  const rows = [
    [title, 'µs per delivery', 'idle, % of a core'],
    ...points.map((point) => [
      point.n.toLocaleString('en'),
      point.cpu_us.toFixed(1),
      point.idle_cpu_percent.toFixed(1),
    ]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return `${[line(head), rule, ...body.map(line)].join('\n')}\n`;
}
