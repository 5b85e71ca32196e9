import type { ClusterPoint } from '../../server/src/cluster/simulation/index.ts';

/** Points that a plot has at most. */
const MOST_POINTS = 600;

/** Minutes put together, so that weeks can be drawn. */
export class Series {
  readonly #minutes: number;
  readonly #points: ClusterPoint[] = [];

  /** @param minutes that there will be */
  constructor(minutes: number) {
    this.#minutes = Math.max(1, Math.ceil(minutes / MOST_POINTS));
  }

  /** Levels by the highest of the stretch, channels by the lowest, what happened by its sum. */
  add(point: ClusterPoint): void {
    const last = this.#points.at(-1);
    if (last === undefined || point.minute % this.#minutes === 0) {
      this.#points.push(point);
      return;
    }
    this.#points[this.#points.length - 1] = {
      minute: last.minute,
      live: Math.max(last.live, point.live),
      channels: Math.min(last.channels, point.channels),
      nodes: Math.max(last.nodes, point.nodes),
      waiting: Math.max(last.waiting, point.waiting),
      refused: last.refused + point.refused,
      dropped: last.dropped + point.dropped,
    };
  }

  get points(): readonly ClusterPoint[] {
    return this.#points;
  }
}
