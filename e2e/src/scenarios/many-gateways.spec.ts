import { expect, test } from '@playwright/test';
import { Cluster } from '../chaos/cluster.ts';
import { checkHistory } from '../chaos/check/index.ts';
import { Stage, until } from '../chaos/stage.ts';

/** Nodes that a session was connected to, in order. */
function nodesOf({ history }: Stage, session: string): string[] {
  return history.entries.flatMap((entry) =>
    entry.kind === 'connected' && entry.session === session ? [entry.node] : [],
  );
}

test('EV-2 any gateway serves any client, and when one is killed its clients resume at another', async () => {
  // Four processes start: no matter of seconds on a machine that is busy.
  test.setTimeout(240_000);
  const cluster = await Cluster.start(2);
  const stage = new Stage(cluster, { seed: 1 });
  try {
    await stage.open();
    stage.publishEvery(10);
    await until('clients of all kinds at both gateways', 30_000, () => {
      const nodes = new Set(stage.actors.flatMap(({ session }) => nodesOf(stage, session.name).slice(-1)));
      for (const { session } of stage.actors) if (nodes.size < 2) session.drop();
      return nodes.size === 2;
    });

    await cluster.gateways[0]?.kill();
    await until('all clients are at the other one', 30_000, () => {
      const nodes = new Set(
        stage.actors.flatMap(({ session }) =>
          session.connection === undefined ? [''] : nodesOf(stage, session.name).slice(-1),
        ),
      );
      return nodes.size === 1 && !nodes.has('');
    });
    stage.quiet();
    await until('all is acknowledged', 30_000, () => stage.publishers.every(({ open }) => open === 0));
    await until('everybody has everything', 30_000, () =>
      stage.actors.every(({ session }) =>
        stage.topics.every((topic) => {
          const latest = stage.latest(topic);
          return latest !== undefined && session.has(topic, latest);
        }),
      ),
    );

    for (const { session } of stage.actors) {
      stage.history.add({ kind: 'end', session: session.name, patterns: session.patterns });
    }
    stage.noteCanaries();
    const found = checkHistory(stage.history.entries);
    expect(found, found.map(({ rule, session, message }) => `${rule} ${session ?? ''}: ${message}`).join('\n')).toEqual(
      [],
    );
  } finally {
    await stage.close();
    await cluster.close();
  }
});
