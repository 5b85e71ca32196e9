// What deploy/ names is there: metrics, options, addresses.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../server/src/app/config.ts';

const ROOT = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const metrics = new Map(
  [...read('docs/metrics.md').matchAll(/^\| `(hookswitch_\w+)` \| (\w+) \|/gm)].map(([, name = '', kind = '']) => [
    name,
    kind,
  ]),
);

it.each(['deploy/grafana/hookswitch-cluster.json', 'deploy/prometheus/alerts.yaml'])(
  '%s names metrics that there are',
  (file) => {
    const named = [...read(file).matchAll(/\bhookswitch_\w+/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !metrics.has(name))).toEqual([]);
  },
);

it('the dashboard is one that Grafana reads: each panel has its queries and its place', () => {
  const { panels } = JSON.parse(read('deploy/grafana/hookswitch-cluster.json')) as {
    panels: { id: number; targets: { expr: string }[]; gridPos: { x: number; y: number } }[];
  };
  expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x},${y}`)).size).toBe(panels.length);
  for (const { targets } of panels) expect(targets.length).toBeGreaterThan(0);
});

it('the options in the manifests are options of the start command', () => {
  const options = [...read('deploy/kubernetes/hookswitch.yaml').matchAll(/^ +- (--[a-z-]+(?:=.*)?)$/gm)];
  const args = options.map(([, option = '']) => option);
  expect(args.length).toBeGreaterThan(8);
  expect(readConfig(args, {})).toMatchObject({
    allocator: { mode: 'kubernetes', target: 'hookswitch/hookswitch-call', nodes: { min: 1, max: 10 } },
    drainMs: 3_600_000,
  });
});

it('the chart is the manifest with values: the same options and rights', () => {
  const lines = (path: string): string[] =>
    [...read(path).matchAll(/^ +- (--[a-z-]+)|resources: \[(.*)\]/gm)].map(
      ([, option, right]) => option ?? right ?? '',
    );
  expect(lines('deploy/helm/hookswitch/templates/hookswitch.yaml')).toEqual(lines('deploy/kubernetes/hookswitch.yaml'));
  const values = read('deploy/helm/hookswitch/values.yaml');
  const used = [...read('deploy/helm/hookswitch/templates/hookswitch.yaml').matchAll(/\.Values\.(\w+)/g)];
  for (const [, name = ''] of used) expect(values).toMatch(new RegExp(`^${name}:`, 'm'));
});
