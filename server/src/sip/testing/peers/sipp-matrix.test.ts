import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../certificates.ts';
import type { Authority } from '../certificates.ts';
import { AUTHENTICATION } from './authentication.rows.ts';
import { BASICS } from './basics.rows.ts';
import { CANCELS } from './cancel.rows.ts';
import { FORKS } from './forks.rows.ts';
import { OFFERS } from './offers.rows.ts';
import { openPeer } from './peer.ts';
import type { Peer, Wire } from './peer.ts';
import { REFUSALS } from './refusals.rows.ts';
import { RELIABLE } from './reliable.rows.ts';
import type { Row } from './row.ts';
import { TIMERS } from './timers.rows.ts';
import { TRANSFERS } from './transfers.rows.ts';

const ROWS: readonly Row[] = [
  ...BASICS,
  ...CANCELS,
  ...OFFERS,
  ...RELIABLE,
  ...TIMERS,
  ...AUTHENTICATION,
  ...FORKS,
  ...TRANSFERS,
  ...REFUSALS,
];

const WIRES: readonly (Wire & { readonly rows: readonly Row[] })[] = [
  { protocol: 'udp', address: '127.0.0.1', rows: ROWS },
  { protocol: 'tcp', address: '127.0.0.1', rows: ROWS },
  { protocol: 'tls', address: '127.0.0.1', rows: ROWS },
  { protocol: 'udp', address: '::1', rows: BASICS },
  { protocol: 'tcp', address: '::1', rows: BASICS },
  { protocol: 'tls', address: '::1', rows: BASICS },
];

let authority: Authority;
const peers: Peer[] = [];

beforeAll(async () => {
  authority = await createAuthority();
});

afterAll(async () => {
  await Promise.all(peers.map((peer) => peer.expectNoTransactions()));
  await Promise.all(peers.map((peer) => peer.close()));
  expect(peers.filter((peer) => peer.transport.stats.connections > 0)).toEqual([]);
});

describe.each(WIRES)('sipp over $protocol at $address', ({ rows, ...wire }) => {
  it.concurrent.each(rows)('$name', async (row) => {
    const peer = await openPeer(wire, authority, row);
    peers.push(peer);
    await row.run(peer);
    await peer.expectNothingLeft();
  });
});
