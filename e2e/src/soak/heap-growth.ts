import { readFileSync } from 'node:fs';

/** What a heap snapshot of V8 is read by here. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

export interface Growth {
  readonly bytes: number;
  readonly count: number;
  /** What kind of thing it is, and what holds it, nearest first: `string <- HotRing.#events <- AccountFeed.#ring`. */
  readonly held: string;
}

/** Holders that are named. */
const DEPTH = 7;

/**
 * What two heap snapshots of one process differ by, in bytes, summed by what holds it: tells what a program keeps from
 * what the engine adds (code, feedback, hidden classes). The most grown first.
 */
export function heapGrowth(before: string, after: string): Growth[] {
  const [was, is] = [sizesByHolder(before), sizesByHolder(after)];
  const grown: Growth[] = [];
  for (const held of new Set([...was.keys(), ...is.keys()])) {
    const [a, b] = [was.get(held) ?? NOTHING, is.get(held) ?? NOTHING];
    if (a.bytes !== b.bytes) grown.push({ bytes: b.bytes - a.bytes, count: b.count - a.count, held });
  }
  return grown.sort((a, b) => b.bytes - a.bytes);
}

const NOTHING = { bytes: 0, count: 0 };

function sizesByHolder(file: string): Map<string, { bytes: number; count: number }> {
  const { snapshot, nodes, edges, strings } = JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  const { node_fields: fields, edge_fields: edgeFields } = snapshot.meta;
  const width = fields.length;
  const [type, name, size] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field));
  const [types, edgeTypes] = [snapshot.meta.node_types[0], snapshot.meta.edge_types[0]];
  const at = (node: number, field = 0): number => nodes[node * width + field] ?? 0;
  const edgeAt = (edge: number, field = 0): number => edges[edge * edgeFields.length + field] ?? 0;
  const { parents, by } = shortestWays({ nodes, edges, width, edgeWidth: edgeFields.length, edgeTypes });
  const label = (node: number): string => {
    const kind = edgeTypes[edgeAt(by[node] ?? 0)];
    const via = kind === 'element' || kind === 'hidden' ? '#' : (strings[edgeAt(by[node] ?? 0, 1)] ?? '');
    const holder = strings[at(parents[node] ?? 0, name)] ?? '';
    return `${holder.slice(0, 24)}.${via.slice(0, 24)}`.replace(/\d+/g, '#');
  };
  const found = new Map<string, { bytes: number; count: number }>();
  for (let node = 0; node < nodes.length / width; node++) {
    if (parents[node] === -1) continue;
    const way: string[] = [types[at(node, type)] ?? ''];
    for (let up = node; up !== 0 && way.length <= DEPTH; up = parents[up] ?? 0) way.push(label(up));
    const held = way.join(' <- ');
    const sum = found.get(held) ?? { bytes: 0, count: 0 };
    found.set(held, { bytes: sum.bytes + at(node, size), count: sum.count + 1 });
  }
  return found;
}

/** Of every node that something holds: who holds it on the shortest way from the roots, and by which edge. */
function shortestWays(graph: {
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly width: number;
  readonly edgeWidth: number;
  readonly edgeTypes: readonly string[];
}): { readonly parents: Int32Array; readonly by: Int32Array } {
  const { nodes, edges, width, edgeWidth, edgeTypes } = graph;
  const count = nodes.length / width;
  // The fifth field of a node is how many edges it has; they follow one another in the order of the nodes.
  const first = new Int32Array(count + 1);
  for (let node = 0; node < count; node++) first[node + 1] = (first[node] ?? 0) + (nodes[node * width + 4] ?? 0);
  const [parents, by, queue] = [new Int32Array(count).fill(-1), new Int32Array(count), new Int32Array(count)];
  parents[0] = 0;
  for (let head = 0, tail = 1; head < tail; head++) {
    const node = queue[head] ?? 0;
    for (let edge = first[node] ?? 0; edge < (first[node + 1] ?? 0); edge++) {
      const to = (edges[edge * edgeWidth + 2] ?? 0) / width;
      if (edgeTypes[edges[edge * edgeWidth] ?? 0] === 'weak' || parents[to] !== -1) continue;
      parents[to] = node;
      by[to] = edge;
      queue[tail++] = to;
    }
  }
  return { parents, by };
}
