import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { pcapOf } from './index.ts';
import type { RecordedCall } from './index.ts';
import { ROOT, Recording } from './testing/recording.ts';
import { sdp } from './testing/messages.ts';

const dir = mkdtempSync(join(tmpdir(), 'hs-pcap-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** What tshark makes of a capture. */
function tshark(calls: readonly RecordedCall[], ...args: string[]): string[] {
  const file = join(dir, 'calls.pcap');
  writeFileSync(file, pcapOf(calls));
  const checks = ['-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE'];
  const out = execFileSync('tshark', ['-r', file, ...checks, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return out.split('\n').filter((line) => line !== '');
}
const FAULTS = '_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || _ws.expert.severity == error';

describe('packet capture of a trace', () => {
  it('tshark reads every message, with its time, and finds nothing malformed', async () => {
    const recording = new Recording();
    recording.wholeCall();
    recording.clock.advance(1);
    recording.sip('out', {
      start: 'INVITE sip:b@[2001:db8::2] SIP/2.0',
      callId: 'six',
      body: sdp(),
      remote: { address: '2001:db8::2', port: 5061 },
      protocol: 'tls',
    });
    recording.sip('in', {
      start: 'SIP/2.0 486 Busy Here',
      callId: 'six',
      cseq: '1 INVITE',
      remote: { address: '2001:db8::2', port: 5061 },
      protocol: 'tls',
    });
    const calls = await recording.recorder.recent('operator', 10);
    const fields = [
      '-T',
      'fields',
      '-e',
      'frame.time_epoch',
      '-e',
      '_ws.col.Protocol',
      '-e',
      'sip.CSeq.method',
      '-e',
      'sip.Status-Code',
    ];
    const rows = tshark(calls, ...fields).map((line) => line.split('\t'));
    expect(rows).toHaveLength(10);
    expect(rows.every(([, protocol = '']) => protocol.startsWith('SIP'))).toBe(true);
    expect(rows.map(([, , method, status]) => [method, status].join(' ').trim())).toEqual([
      'INVITE',
      'INVITE 100',
      'INVITE',
      'INVITE 100',
      'INVITE 200',
      'ACK',
      'BYE',
      'BYE 200',
      'INVITE',
      'INVITE 486',
    ]);
    const [first = '', , , , , , bye = ''] = rows.map(([time]) => time);
    expect(Number(first)).toBe(Date.UTC(2030, 0, 1) / 1000);
    expect((Number(bye) - Number(first)).toFixed(6)).toBe('5.526250');
    expect(tshark(calls, '-Y', FAULTS)).toEqual([]);
    expect(tshark(calls, '-Y', 'sip.Call-ID == "a@caller"')).toHaveLength(8);
    expect(tshark(calls, '-Y', 'ipv6.dst == 2001:db8::2 && udp.dstport == 5061')).toHaveLength(1);
  });

  it('a message with masked secrets stays well-formed; one too long for a datagram is cut', async () => {
    const recording = new Recording();
    recording.sip('in', {
      start: 'INVITE sip:a@127.0.0.1 SIP/2.0',
      headers: ['Authorization: Digest username="u", realm="r", nonce="n", uri="sip:a", response="0123456789abcdef"'],
      body: sdp(['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz']),
    });
    recording.sip('in', { start: 'MESSAGE sip:a@127.0.0.1 SIP/2.0', padTo: 100_000, protocol: 'tcp' });
    const calls = await recording.recorder.recent('operator', 10);
    expect(tshark(calls.slice(0, 1), '-Y', `frame.number == 1 && (${FAULTS})`)).toEqual([]);
    expect(tshark(calls, '-Y', 'frame.len > frame.cap_len')).toHaveLength(1);
    expect(pcapOf([])).toHaveLength(24);
    expect(await recording.recorder.find('operator', ROOT)).toBeUndefined();
  });
});
