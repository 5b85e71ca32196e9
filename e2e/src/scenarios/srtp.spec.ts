import type { Baresip } from '../fixtures/baresip.ts';
import type { NatsEvents } from '../fixtures/nats-events.ts';
import type { TestServer } from '../fixtures/server.ts';
import { AGENT_TONE, PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';
import { readWav, tonePresence } from '../fixtures/tone.ts';

/** Whom baresip answers for. */
const PSTN_NUMBER = '+15550123';
const ENABLED = /SRTP is Enabled \(cryptosuite=(\S+)\)/;

async function policy(server: TestServer, srtp: 'off' | 'preferred' | 'required'): Promise<void> {
  const { account, authToken } = await server.credentials();
  const trunks = new URL(`/v1/accounts/${account}/trunks`, (await server.state()).pageUrl);
  const headers = {
    authorization: `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`,
    'content-type': 'application/json',
  };
  const listed = await fetch(trunks, { headers });
  const [trunk] = ((await listed.json()) as { trunks: { sid: string }[] }).trunks;
  if (trunk === undefined) throw new Error('the server has no trunk');
  const body = JSON.stringify({ settings: { srtp } });
  const changed = await fetch(`${trunks.href}/${trunk.sid}`, { method: 'POST', headers, body });
  if (!changed.ok) throw new Error(`the trunk was not changed: ${await changed.text()}`);
}

/** How long the peer heard the agent, seconds. */
async function heardAgent(peer: Baresip): Promise<number> {
  const [file = 'no recording'] = await peer.recordings();
  return tonePresence(await readWav(file), AGENT_TONE).filter(Boolean).length * 0.02;
}

/** The final quality report of the phone's leg, and how its call ended. */
async function finalReport(seen: NatsEvents): Promise<Record<string, unknown>> {
  const isFinal = ({ data }: { data: Readonly<Record<string, unknown>> }): boolean =>
    data['scope'] === 'final' && data['leg'] === 'sip';
  return { ...(await seen.waitFor('call.quality', isFinal)).data };
}

test.afterEach(async ({ server }) => {
  await policy(server, 'off');
});

for (const { mediaEncryption, offered } of [
  { mediaEncryption: 'srtp', offered: 'SRTP beside RTP' },
  { mediaEncryption: 'srtp-mand', offered: 'RTP/SAVP' },
  { mediaEncryption: 'srtp-mandf', offered: 'RTP/SAVPF' },
] as const) {
  test(`SRTP is taken from a caller who offers ${offered}: both hear each other`, async ({
    server,
    agent,
    pstn,
    events,
  }) => {
    await policy(server, 'preferred');
    const seen = await events();
    const alice = await agent({ identity: 'alice' });
    const peer = await pstn({ mediaEncryption });
    await peer.dial(await pstnUri(server));
    await alice.page.getByTestId('answer').click();
    await alice.waitToHear(PSTN_TONE);
    expect(peer.output()).toMatch(ENABLED);
    // A port whose rollover counter is in use is never handed to a media worker.
    await alice.page.waitForTimeout(3000);
    await alice.waitToHear(PSTN_TONE);
    await alice.page.getByTestId('hangup').click();
    await peer.event('CALL_CLOSED');
    expect(await heardAgent(peer)).toBeGreaterThan(2);
    const report = await finalReport(seen);
    // baresip opens its NAT by an RTCP packet in clear, and may say goodbye by another: those, and nothing else, are refused.
    const { counters } = report['summary'] as { counters: { srtpAuthFailures?: number } };
    expect(counters.srtpAuthFailures ?? 0).toBeLessThanOrEqual(2);
    expect(report['sent']).toMatchObject({ lost: 0 });
    expect(report['received']).toMatchObject({ lost: 0 });
    // 4.4 without jitter; a busy machine has some.
    expect(report['mos']).toBeGreaterThan(3);
    expect(server.process.output()).not.toMatch(/inline:[A-Za-z0-9+/]{20}/);
  });
}

for (const [srtp, mediaEncryption] of [
  ['required', 'srtp-mand'],
  ['required', 'srtp'],
  ['preferred', 'srtp'],
] as const) {
  test(`SRTP ${srtp} by the trunk, and a phone with ${mediaEncryption}: an agent's call is encrypted`, async ({
    server,
    agent,
    pstn,
  }) => {
    await policy(server, srtp);
    const peer = await pstn({ mediaEncryption });
    const alice = await agent({ identity: 'alice' });
    await alice.page.getByTestId('dial-input').fill(PSTN_NUMBER);
    await alice.page.getByTestId('dial-call').click();
    await peer.event('CALL_ESTABLISHED');
    await alice.waitToHear(PSTN_TONE);
    expect(peer.output()).toMatch(ENABLED);
    await alice.page.waitForTimeout(1500);
    await alice.page.getByTestId('hangup').click();
    await peer.event('CALL_CLOSED');
    expect(await heardAgent(peer)).toBeGreaterThan(1);
  });
}

test('SRTP preferred by the trunk, and a phone that has none: the call is plain', async ({ server, agent, pstn }) => {
  await policy(server, 'preferred');
  const peer = await pstn();
  const alice = await agent({ identity: 'alice' });
  await alice.page.getByTestId('dial-input').fill(PSTN_NUMBER);
  await alice.page.getByTestId('dial-call').click();
  await alice.waitToHear(PSTN_TONE);
  expect(peer.output()).not.toMatch(ENABLED);
  await alice.page.getByTestId('hangup').click();
  await peer.event('CALL_CLOSED');
});

for (const [srtp, mediaEncryption] of [
  ['off', 'srtp-mand'],
  ['required', undefined],
] as const) {
  test(`SRTP ${srtp} by the trunk, and a caller with ${mediaEncryption ?? 'none'}: 488`, async ({ server, pstn }) => {
    await policy(server, srtp);
    const peer = await pstn(mediaEncryption === undefined ? {} : { mediaEncryption });
    await peer.dial(await pstnUri(server));
    expect((await peer.event('CALL_CLOSED')).param).toContain('488');
  });
}
