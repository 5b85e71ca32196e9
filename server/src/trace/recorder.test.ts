import { describe, expect, it } from 'vitest';
import { headOf, traceOf } from './index.ts';
import type { RecordedCall } from './index.ts';
import { ACCOUNT, LEG, OTHER_ACCOUNT, ROOT, Recording } from './testing/recording.ts';

const kinds = (call: RecordedCall | undefined): string[] => (call?.records ?? []).map(({ kind }) => kind);
const INVITE = 'INVITE sip:+15550100@127.0.0.1 SIP/2.0';

describe('call trace: what belongs together', () => {
  it('a trace asked by any leg, or by SIP Call-ID, shows the whole call, what came before the link included', async () => {
    const recording = new Recording();
    recording.wholeCall();
    const whole = await recording.recorder.find({ accountSid: ACCOUNT }, ROOT);
    expect(whole?.callSids).toEqual([ROOT, LEG]);
    expect(whole?.records[0]).toMatchObject({ kind: 'sip', direction: 'in' });
    expect(await recording.recorder.find({ accountSid: ACCOUNT }, LEG)).toBe(whole);
    expect(await recording.recorder.find({ accountSid: ACCOUNT }, 'a@caller')).toBe(whole);
    expect(recording.recorder.size).toBe(1);
    expect(whole?.live).toBe(false);
  });

  it('a dialled leg joins by its parent, with each INVITE it needed', async () => {
    const told = new Recording();
    const { recorder } = told;
    told.initiated(ROOT);
    told.sip('out', { start: INVITE, callId: 'first', remote: { address: '192.0.2.9', port: 5060 } });
    recorder.link({ callSid: LEG, parentCallSid: ROOT, accountSid: ACCOUNT, sipCallId: 'first' });
    told.sip('in', {
      start: 'SIP/2.0 503 Service Unavailable',
      callId: 'first',
      remote: { address: '192.0.2.9', port: 5060 },
    });
    recorder.link({ callSid: LEG, parentCallSid: ROOT, accountSid: ACCOUNT, sipCallId: 'second' });
    told.sip('out', { start: INVITE, callId: 'second', remote: { address: '192.0.2.10', port: 5060 } });
    const call = await recorder.find('operator', LEG);
    expect(kinds(call)).toEqual(['event', 'sip', 'sip', 'sip']);
    expect(recorder.size).toBe(1);
    const { parties } = traceOf(call!);
    expect(parties.map(({ label }) => label)).toEqual(['hookswitch', '192.0.2.9:5060', '192.0.2.10:5060']);
  });

  it('nobody sees what is not theirs; the operator sees all, also what became no call', async () => {
    const recording = new Recording();
    const { recorder } = recording;
    recording.wholeCall();
    recording.sip('in', { start: 'OPTIONS sip:127.0.0.1 SIP/2.0', callId: 'ping' });
    recording.sip('out', { start: 'SIP/2.0 403 Forbidden', callId: 'ping', cseq: '1 OPTIONS' });
    expect(await recorder.find({ accountSid: OTHER_ACCOUNT }, ROOT)).toBeUndefined();
    expect(await recorder.recent({ accountSid: OTHER_ACCOUNT }, 10)).toEqual([]);
    expect(await recorder.find({ accountSid: ACCOUNT }, 'ping')).toBeUndefined();
    expect(await recorder.recent({ accountSid: ACCOUNT }, 10)).toHaveLength(1);
    const all = await recorder.recent('operator', 10);
    expect(all.map((call) => headOf(call)).map(({ title, status }) => [title, status])).toEqual([
      ['OPTIONS', '403 Forbidden'],
      ['inbound', 'completed'],
    ]);
  });

  it('calls of two accounts that share a SIP Call-ID are never one trace', async () => {
    const recording = new Recording();
    recording.initiated(ROOT);
    recording.sip('out', { start: INVITE, callId: 'loop' });
    recording.recorder.link({ callSid: ROOT, accountSid: ACCOUNT, sipCallId: 'loop' });
    recording.recorder.link({ callSid: LEG, accountSid: OTHER_ACCOUNT, sipCallId: 'loop' });
    recording.initiated(LEG, {}, OTHER_ACCOUNT);
    expect(kinds(await recording.recorder.find({ accountSid: ACCOUNT }, ROOT))).toEqual(['event', 'sip']);
    expect(kinds(await recording.recorder.find({ accountSid: OTHER_ACCOUNT }, LEG))).toEqual(['event']);
    expect(await recording.recorder.find({ accountSid: OTHER_ACCOUNT }, ROOT)).toBeUndefined();
  });

  it('a refused call is found by the CallSid of its refusal, and is over', async () => {
    const recording = new Recording();
    recording.sip('in', { start: INVITE, callId: 'refused' });
    const data = {
      callSid: ROOT,
      direction: 'inbound',
      from: '+1',
      to: '+2',
      sipCallId: 'refused',
      reason: 'channels',
    };
    recording.event('call.refused', data);
    recording.sip('out', { start: 'SIP/2.0 503 Service Unavailable', callId: 'refused' });
    const call = await recording.recorder.find({ accountSid: ACCOUNT }, ROOT);
    expect(kinds(call)).toEqual(['sip', 'event', 'sip']);
    expect(headOf(call!)).toMatchObject({ id: ROOT, status: 'refused', live: false });
  });

  it('keeps no secret and no digit', async () => {
    const recording = new Recording();
    recording.wholeCall();
    const call = await recording.recorder.find('operator', ROOT);
    expect(JSON.stringify(call?.records)).not.toContain('sealed');
    expect(call?.records.find(({ kind }) => kind === 'media')).toBeDefined();
    expect(call?.records).toContainEqual(expect.objectContaining({ kind: 'media', title: 'dtmf', summary: '*' }));
    expect(call?.records).toContainEqual(
      expect.objectContaining({ kind: 'http', params: expect.objectContaining({ Digits: '**' }) as unknown }),
    );
    const shown = new Recording({}, true);
    shown.wholeCall();
    expect((await shown.recorder.find('operator', ROOT))?.records).toContainEqual(
      expect.objectContaining({ kind: 'media', title: 'dtmf', summary: '5' }),
    );
  });

  it('what is told of calls never heard of is dropped', () => {
    const { recorder } = new Recording();
    recorder.media({ callSid: ROOT, title: 'flowing', summary: '' });
    recorder.http({ callSid: ROOT, method: 'GET', url: 'http://x/', params: {}, durationMs: 1 });
    recorder.event({ accountSid: ACCOUNT, type: 'call.answered', data: { callSid: ROOT } });
    recorder.event({ accountSid: ACCOUNT, type: 'node.started', data: { node: 'n' } });
    expect(recorder.size).toBe(0);
  });
});

describe('call trace: bounds', () => {
  it('one call: the middle is dropped, and a marker says how many', async () => {
    const recording = new Recording({ callBytes: 20_000 });
    recording.initiated(ROOT);
    recording.sip('in', { start: INVITE });
    recording.recorder.link({ callSid: ROOT, accountSid: ACCOUNT, sipCallId: 'a@caller' });
    for (let i = 0; i < 500; i++) {
      recording.clock.advance(10);
      recording.sip('in', { start: `INFO sip:127.0.0.1 SIP/2.0`, cseq: `${i + 2} INFO` });
    }
    const call = (await recording.recorder.find('operator', ROOT))!;
    expect(call.bytes).toBeLessThanOrEqual(20_000);
    expect(call.bytes).toBeGreaterThan(18_000);
    const gaps = call.records.filter((record) => record.kind === 'gap');
    expect(gaps).toHaveLength(1);
    expect(call.records.length - 1 + gaps[0]!.dropped).toBe(502);
    expect(kinds(call).slice(0, 2)).toEqual(['event', 'sip']);
    expect(JSON.stringify(call.records.at(-1))).toContain('501 INFO');
    expect(traceOf(call).entries).toContainEqual(
      expect.objectContaining({ kind: 'gap', title: `${gaps[0]!.dropped} entries left out` }),
    );
  });

  it('the oldest ended call goes first; living calls stay', async () => {
    const recording = new Recording({ totalBytes: 12_000, accountBytes: 12_000, callBytes: 6000 });
    const { recorder } = recording;
    const sid = (n: number): string => `CA${String(n).padStart(32, '0')}`;
    for (let n = 0; n < 40; n++) {
      recording.clock.advance(1000);
      recording.initiated(sid(n));
      if (n > 0) recording.ended(sid(n));
    }
    expect(recorder.bytes).toBeLessThanOrEqual(12_000);
    expect(await recorder.find('operator', sid(0))).toMatchObject({ live: true });
    expect(await recorder.find('operator', sid(1))).toBeUndefined();
    expect(await recorder.find('operator', sid(39))).toBeDefined();
    const kept = (await recorder.recent('operator', 100)).map((call) => call.callSids[0]);
    expect(kept).toEqual([...kept].sort().reverse());
  });

  it('one account cannot push out another, and a scanner no call', async () => {
    const recording = new Recording({ totalBytes: 40_000, accountBytes: 10_000, looseBytes: 5000, callBytes: 5000 });
    const { recorder } = recording;
    recording.initiated(ROOT, {}, OTHER_ACCOUNT);
    recording.ended(ROOT, OTHER_ACCOUNT);
    for (let n = 0; n < 100; n++) {
      const sid = `CB${String(n).padStart(32, '0')}`;
      recording.initiated(sid);
      recording.ended(sid);
      recording.sip('in', { start: INVITE, callId: `scan-${n}` });
    }
    expect(await recorder.find({ accountSid: OTHER_ACCOUNT }, ROOT)).toBeDefined();
    expect(recorder.bytes).toBeLessThanOrEqual(16_000);
    expect(await recorder.find('operator', 'scan-0')).toBeUndefined();
    expect(await recorder.find('operator', 'scan-99')).toBeDefined();
  });

  it('what is too old is forgotten, without anybody asking; nothing ticks when there is nothing', async () => {
    const recording = new Recording({ maxAgeMs: 3_600_000 });
    const { recorder, clock } = recording;
    recording.wholeCall();
    clock.advance(3_500_000);
    expect(await recorder.find('operator', ROOT)).toBeDefined();
    clock.advance(300_000);
    expect(recorder.size).toBe(0);
    expect(recorder.bytes).toBe(0);
    expect(await recorder.find('operator', 'a@caller')).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
    recording.wholeCall();
    recorder.close();
    expect(clock.pendingTimers).toBe(0);
    recording.sip('in', { start: INVITE });
    expect(recorder.size).toBe(0);
  });

  it('long bodies are cut', async () => {
    const recording = new Recording({ bodyChars: 10 });
    recording.initiated(ROOT);
    recording.recorder.http({
      callSid: ROOT,
      method: 'GET',
      url: 'http://x/',
      params: {},
      durationMs: 1,
      status: 200,
      body: 'x'.repeat(1000),
    });
    expect((await recording.recorder.find('operator', ROOT))?.records[1]).toMatchObject({
      body: `${'x'.repeat(10)}\n[...]`,
    });
  });
});
