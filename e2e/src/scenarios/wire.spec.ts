import { PHONE_TONE, PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';
import { readWav, tonePresence } from '../fixtures/tone.ts';

const DIAL_PHONE = '<Dial><Sip>sip:phone@phones.hookswitch.internal</Sip></Dial>';

/** Longer than the interval of RTCP reports, 5 s with half of that as jitter (RFC 3550 section 6.2). */
const TALK_MS = 9_000;

test('tshark decodes all that we send: SIP over UDP and TCP, SDP, RTP, keys, RTCP', async ({
  server,
  application,
  phone,
  pstn,
  sipp,
  capture,
}) => {
  application.answer(() => DIAL_PHONE);
  const wire = await capture();
  const desk = await phone({ transport: 'tcp' });
  const peer = await pstn();
  await peer.dial(await pstnUri(server, application.number));
  await desk.event('CALL_ESTABLISHED');
  await peer.event('CALL_ESTABLISHED');
  for (const digit of '159') {
    await peer.sendDigit(digit);
    await desk.sendDigit(digit);
    await new Promise((resolve) => setTimeout(resolve, TALK_MS / 3));
  }
  await peer.hangup();
  await desk.event('CALL_CLOSED');
  await peer.stop();
  await desk.stop();
  await (await sipp({ scenario: 'options', call: true })).done();
  await wire.stop();

  const { sip } = await server.state();
  const count = async (filter: string): Promise<number> =>
    (await wire.frames(sip.port, filter, ['frame.number'])).length;
  const from = `ip.src == ${sip.host}`;
  // It saw what it is to judge.
  expect(await count(`${from} && udp && sip`)).toBeGreaterThanOrEqual(3);
  expect(await count(`${from} && tcp && sip`)).toBeGreaterThanOrEqual(4);
  expect(await count(`${from} && sdp`)).toBeGreaterThan(1);
  expect(await count(`${from} && rtp`)).toBeGreaterThan((2 * TALK_MS) / 20 / 2);
  expect(await count(`${from} && rtpevent`)).toBeGreaterThan(10);
  expect(await count(`${from} && rtcp.pt == 200`)).toBeGreaterThan(1);
  // tshark remarks on connections that are opened: its remarks are looked for in the right place.
  expect(await count(`${from} && _ws.expert.severity >= "Chat"`)).toBeGreaterThan(0);
  // Whatever goes to or from the SIP port is SIP, but for keep-alives.
  const payload = `(udp.port == ${sip.port} && udp.length > 12) || (tcp.port == ${sip.port} && tcp.len > 4)`;
  expect(await wire.frames(sip.port, `(${payload}) && !sip && !tcp.segment`, ['frame.number', '_ws.col.Info'])).toEqual(
    [],
  );
  const faults = '_ws.malformed || _ws.unreassembled || _ws.expert.severity >= "Warning"';
  const columns = ['frame.number', '_ws.col.Protocol', '_ws.col.Info', '_ws.expert.message'];
  expect(await wire.frames(sip.port, `${from} && (${faults})`, columns)).toEqual([]);
  // What the tones say of the same call.
  for (const [who, hz] of [
    [peer, PHONE_TONE],
    [desk, PSTN_TONE],
  ] as const) {
    const [file = ''] = await who.recordings();
    expect(tonePresence(await readWav(file), hz).filter(Boolean).length * 0.02).toBeGreaterThan(TALK_MS / 2000);
  }
});
