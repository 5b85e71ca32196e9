import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { ReceiverStatistics } from './receiver-statistics.ts';
import { RtcpSession } from './rtcp-session.ts';

const dir = mkdtempSync(join(tmpdir(), 'hs-rtcp-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** A capture file of IPv4 and UDP datagrams, from and to port 5005. */
function captureOf(payloads: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(101, 20); // raw IP
  const packets = payloads.map((payload) => {
    const packet = Buffer.alloc(16 + 28);
    packet.writeUInt32LE(28 + payload.length, 8);
    packet.writeUInt32LE(28 + payload.length, 12);
    packet.set([0x45, 0], 16);
    packet.writeUInt16BE(28 + payload.length, 18);
    packet.set([64, 17], 24);
    packet.set([127, 0, 0, 1, 127, 0, 0, 1], 28);
    packet.writeUInt16BE(5005, 36);
    packet.writeUInt16BE(5005, 38);
    packet.writeUInt16BE(8 + payload.length, 40);
    return Buffer.concat([packet, payload]);
  });
  return Buffer.concat([header, ...packets]);
}

it('tshark reads our reports: sender report, receiver report, names and goodbye, nothing malformed', () => {
  const session = new RtcpSession({ ssrc: 0x11111111, random: seededRandom(1) });
  const received = new ReceiverStatistics(0x22222222);
  for (let n = 0; n < 100; n++) if (n % 4 !== 0 || n === 0) received.receive(n, n * 160, n * 20 + (n % 2) * 8);
  const at = { wall: 1_900_000_000_000, monotonic: 2000 };
  const sender = { rtpTimestamp: 160, packets: 7, octets: 1120 };
  const file = join(dir, 'rtcp.pcap');
  writeFileSync(
    file,
    captureOf([
      session.compose(at, { sender, received }),
      session.compose(at, { received }),
      session.compose(at, { sender, bye: true }),
    ]),
  );
  const fields = ['rtcp.pt', 'rtcp.senderssrc', 'rtcp.sender.packetcount', 'rtcp.ssrc.cum_nr', 'rtcp.ssrc.jitter'];
  const args = ['-r', file, '-d', 'udp.port==5005,rtcp', '-T', 'fields', '-E', 'separator=;'];
  const tshark = (...more: string[]): string[] =>
    execFileSync('tshark', [...args, ...more], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter((line) => line !== '');
  const jitter = Math.floor(received.jitterMs * 8).toString();
  expect(tshark(...fields.flatMap((field) => ['-e', field]))).toEqual([
    `200,202;0x11111111;7;24;${jitter}`,
    `201,202;0x11111111;;24;${jitter}`,
    '200,202,203;0x11111111;7;;',
  ]);
  expect(tshark('-Y', '_ws.malformed || rtcp.length_check == 0', '-e', 'frame.number')).toEqual([]);
});
