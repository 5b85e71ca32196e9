import { createSocket } from 'node:dgram';

/** A record that the server knows, as in a zone file. */
export type TestRecord =
  | { readonly type: 'A' | 'AAAA'; readonly name: string; readonly address: string; readonly ttl?: number }
  | {
      readonly type: 'SRV';
      readonly name: string;
      readonly priority?: number;
      readonly weight?: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: 'NAPTR';
      readonly name: string;
      readonly order?: number;
      readonly preference?: number;
      readonly flags?: string;
      readonly service: string;
      readonly replacement: string;
    };

export interface DnsServer {
  /** `address:port`, for the resolver. */
  readonly address: string;
  /** What was asked, `SRV _sip._udp.example.test`, in order. */
  readonly asked: string[];
  records: TestRecord[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, TestRecord['type']>> = { 1: 'A', 28: 'AAAA', 33: 'SRV', 35: 'NAPTR' };
const NUMBERS = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 } as const;

/** A DNS server over UDP on a free port of 127.0.0.1, for tests of whoever asks one. */
export async function startDnsServer(records: TestRecord[]): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const server: DnsServer = {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    records,
    close: () =>
      new Promise((resolve) => {
        socket.close(() => {
          resolve();
        });
      }),
  };
  socket.on('message', (query, from) => {
    const { name, end } = readName(query, 12);
    const type = TYPES[query.readUInt16BE(end)];
    asked.push(`${type ?? '?'} ${name}`);
    const known = server.records.filter((record) => record.name.toLowerCase() === name.toLowerCase());
    const answers = known.filter((record) => record.type === type);
    const header = Buffer.from(query.subarray(0, 12));
    // Response, recursion available; NXDOMAIN where the name has no records of any type.
    header.writeUInt16BE(0x8580 | (known.length === 0 ? 3 : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    header.writeUInt32BE(0, 8);
    const question = query.subarray(12, end + 4);
    socket.send(Buffer.concat([header, question, ...answers.map(encode)]), from.port, from.address);
  });
  return server;
}

function encode(record: TestRecord): Buffer {
  const data = dataOf(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(NUMBERS[record.type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE('ttl' in record ? (record.ttl ?? 60) : 60, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(record.name), fixed, data]);
}

function dataOf(record: TestRecord): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.address.split('.').map(Number));
    case 'AAAA':
      return encodeIpv6(record.address);
    case 'SRV':
      return Buffer.concat([shorts(record.priority ?? 0, record.weight ?? 0, record.port), encodeName(record.target)]);
    case 'NAPTR':
      return Buffer.concat([
        shorts(record.order ?? 0, record.preference ?? 0),
        ...[record.flags ?? 's', record.service, ''].map(text),
        encodeName(record.replacement),
      ]);
  }
}

function shorts(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
  return bytes;
}

const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value)]);

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([...labels.map(text), Buffer.from([0])]);
}

/** Addresses with one `::` at most. */
function encodeIpv6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail)];
  return shorts(...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after);
}

function readName(bytes: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = bytes[at] ?? 0; length !== 0; length = bytes[at] ?? 0) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.'), end: at + 1 };
}
