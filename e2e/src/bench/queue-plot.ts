import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from '../fixtures/server.ts';
import type { PickCost } from './queue.ts';

const PLOT = { left: 60, top: 50, width: 440, height: 200 };

/** Draws what a pick costs by accounts as docs/queue-scale.svg. */
export async function writeQueuePlot(points: readonly PickCost[]): Promise<void> {
  await writeFile(join(REPOSITORY, 'docs/queue-scale.svg'), svg(points));
}

function svg(points: readonly PickCost[]): string {
  const top = Math.max(4, Math.ceil((Math.max(...points.map(({ us }) => us)) * 1.25) / 4) * 4);
  const [from, to] = [Math.log10(points[0]?.n ?? 1), Math.log10(points.at(-1)?.n ?? 10)];
  const bottom = PLOT.top + PLOT.height;
  const x = (n: number): number => Math.round(PLOT.left + ((Math.log10(n) - from) / (to - from)) * PLOT.width);
  const y = (us: number): number => Math.round(bottom - (us / top) * PLOT.height);
  const steps = [0, 1, 2, 3, 4].map((step) => (step * top) / 4);
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 300" font-family="sans-serif" font-size="12">',
    '<rect width="560" height="300" fill="#fff"/>',
    `<text x="${PLOT.left}" y="30" font-weight="bold">Cost of picking the next call (µs) by accounts with calls waiting</text>`,
    ...steps.map(
      (us) =>
        `<path d="M${PLOT.left} ${y(us)}H${PLOT.left + PLOT.width}" stroke="#ddd"/><text x="${PLOT.left - 8}" y="${y(us) + 4}" text-anchor="end">${us}</text>`,
    ),
    ...points.map(
      ({ n }) => `<text x="${x(n)}" y="${bottom + 18}" text-anchor="middle">${n.toLocaleString('en')}</text>`,
    ),
    `<polyline fill="none" stroke="#0a6" stroke-width="2" points="${points.map(({ n, us }) => `${x(n)},${y(us)}`).join(' ')}"/>`,
    ...points.map(({ n, us }) => `<circle cx="${x(n)}" cy="${y(us)}" r="3.5" fill="#0a6"/>`),
    '</svg>\n',
  ].join('\n');
}
