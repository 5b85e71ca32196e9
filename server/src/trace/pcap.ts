import ipaddr from 'ipaddr.js';
import type { RecordedCall, SipRecord, TracedAddress } from './ports.ts';

/** Packets begin with an IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;
const UDP = 17;
/** Largest UDP payload that an IPv4 packet can say the length of. */
const MAX_PAYLOAD = 65_535 - 20 - 8;

/**
 * The SIP messages of traces as a classic pcap file (libpcap 2.4, microseconds), in the order of time. Every message is
 * one UDP datagram between the addresses and ports that it really passed: what came over TCP or TLS is written that way
 * too, because a trace has whole messages, not segments, and no keys are needed to read them. Checksums are right. A
 * message too long for a datagram is cut, and its packet says so. Pure.
 */
export function pcapOf(calls: readonly RecordedCall[]): Buffer {
  const packets = calls
    .flatMap((call) =>
      call.records
        .filter((record) => record.kind === 'sip')
        .map((record) => ({ record, at: call.wallTime(record.mono) })),
    )
    .sort((a, b) => a.at - b.at);
  return Buffer.concat([fileHeader(), ...packets.flatMap(({ record, at }) => packet(record, at))]);
}

function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(LINKTYPE_RAW, 20);
  return header;
}

function packet(record: SipRecord, at: number): Buffer[] {
  const whole = Buffer.from(record.text, 'latin1');
  const payload = whole.subarray(0, MAX_PAYLOAD);
  const [source, destination] =
    record.direction === 'in' ? [record.remote, record.local] : [record.local, record.remote];
  const datagram = ipPacket(source, destination, payload);
  const header = Buffer.alloc(16);
  const micros = Math.round(at * 1000);
  header.writeUInt32LE(Math.floor(micros / 1_000_000) >>> 0, 0);
  header.writeUInt32LE(micros % 1_000_000, 4);
  header.writeUInt32LE(datagram.length, 8);
  header.writeUInt32LE(datagram.length + whole.length - payload.length, 12);
  return [header, datagram];
}

function ipPacket(source: TracedAddress, destination: TracedAddress, payload: Buffer): Buffer {
  let [from, to] = [addressBytes(source.address), addressBytes(destination.address)];
  // A socket bound to every address may name one of the other family.
  if (from.length !== to.length) [from, to] = [mapped(from), mapped(to)];
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(source.port & 0xffff, 0);
  udp.writeUInt16BE(destination.port & 0xffff, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  const pseudo = Buffer.alloc(4);
  pseudo.writeUInt8(UDP, 1);
  pseudo.writeUInt16BE(8 + payload.length, 2);
  // RFC 768: a sum of zero is written as all ones, because zero says that there is none.
  udp.writeUInt16BE(checksum([from, to, pseudo, udp, payload]) || 0xffff, 6);
  return Buffer.concat([
    from.length === 4 ? ipv4(from, to, payload.length) : ipv6(from, to, payload.length),
    udp,
    payload,
  ]);
}

function ipv4(from: Buffer, to: Buffer, length: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(28 + length, 2);
  header.writeUInt16BE(0x4000, 6);
  header.writeUInt8(64, 8);
  header.writeUInt8(UDP, 9);
  from.copy(header, 12);
  to.copy(header, 16);
  header.writeUInt16BE(checksum([header]), 10);
  return header;
}

function ipv6(from: Buffer, to: Buffer, length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(0x60000000, 0);
  header.writeUInt16BE(8 + length, 4);
  header.writeUInt8(UDP, 6);
  header.writeUInt8(64, 7);
  return Buffer.concat([header, from, to]);
}

/** RFC 1071, over parts of which only the last one may have an odd length. */
function checksum(parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at + 1 < part.length; at += 2) sum += part.readUInt16BE(at);
    if (part.length % 2 === 1) sum += (part[part.length - 1] ?? 0) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** 0.0.0.0 for what is no address. */
function addressBytes(address: string): Buffer {
  const [bare = ''] = address.split('%');
  return Buffer.from(ipaddr.isValid(bare) ? ipaddr.parse(bare).toByteArray() : [0, 0, 0, 0]);
}

/** ::ffff:a.b.c.d */
const mapped = (bytes: Buffer): Buffer =>
  bytes.length === 16 ? bytes : Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes]);
