import type { Random } from '../../kernel/index.ts';

/** Bytes that are nearly another message's: one to four changes, all drawn from `random`. */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let result = bytes;
  for (let changes = 1 + random.int(4); changes > 0; changes--) {
    result = pick(MUTATORS, random)({ bytes: result, random, other: pick(others, random) });
    if (result.length > MOST) result = result.subarray(0, MOST);
  }
  return result;
}

/** Nothing larger than a datagram arrives in one piece. */
const MOST = 65_507;

export function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[random.int(from.length)];
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}

interface Material {
  readonly bytes: Buffer;
  readonly random: Random;
  readonly other: Buffer;
}

type Mutator = (material: Material) => Buffer;

/** What parsers trip over, as text. */
const JUNK = [
  ...['\u0000', '\r', '\n', '\r\n', '\r\n\r\n', '\n\n', '\r\n ', '\t', ' ', '  ', '\u007f', '\ufeff'],
  ...['"', '\\', '\\"', '<', '>', '<<<<', '>>>>', ',', ',,,', ';', ';;;', ':', '::', '=', '==', '%', '%00', '%zz'],
  ...['@', '?', '&', '[', ']', '[::]', '[::1]:99999', '/', '*', '-', '+', '.', "'", '`', '{', '}', '|'],
  ...['SIP/2.0', 'SIP/9.9', 'sip:', 'sips:', 'tel:', 'Via: ', 'Content-Length: ', 'm=audio ', 'a=', 'c=IN IP4 '],
  ...['__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', 'true'],
  ...['\u00e9', '\u0440\u0430', '\u5927', '\ud83d\ude00', '\u202e', '\u0000\u0000'],
].map((text) => Buffer.from(text));

/** Not UTF-8: lone continuation bytes, overlong forms, a cut sequence, a surrogate. */
const BROKEN_UTF8 = [
  [0x80],
  [0xc0, 0xaf],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xf8, 0x88, 0x80, 0x80],
  [0xff, 0xfe],
].map((bytes) => Buffer.from(bytes));

const NUMBERS = [
  ...['-1', '0', '-0', '00000000000000000001', '255', '256', '65535', '65536', '70000', '2147483647', '2147483648'],
  ...['4294967295', '4294967296', '18446744073709551616', '9'.repeat(400), '1e9', '0x10', '1.5', '+1', ' 1 '],
];

const MUTATORS: readonly Mutator[] = [
  flipBits,
  overwrite,
  truncate,
  cutOut,
  doubleUp,
  splice,
  insertJunk,
  insertJunk,
  insertBroken,
  hugeNumber,
  hugeNumber,
  repeatJunk,
  swapLines,
  dropLine,
  doubleLine,
  moveLine,
  flood,
  longLine,
  changeCase,
];

function within(bytes: Buffer, random: Random): number {
  return random.int(bytes.length + 1);
}

function insert(bytes: Buffer, at: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

function flipBits({ bytes, random }: Material): Buffer {
  const copy = Buffer.from(bytes);
  for (let flips = 1 + random.int(8); flips > 0 && copy.length > 0; flips--) {
    const at = random.int(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.int(8));
  }
  return copy;
}

function overwrite({ bytes, random }: Material): Buffer {
  const copy = Buffer.from(bytes);
  const at = within(copy, random);
  copy.fill(random.int(256), at, Math.min(copy.length, at + random.int(12)));
  return copy;
}

function truncate({ bytes, random }: Material): Buffer {
  return bytes.subarray(0, within(bytes, random));
}

function cutOut({ bytes, random }: Material): Buffer {
  const at = within(bytes, random);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + random.int(60)))]);
}

function doubleUp({ bytes, random }: Material): Buffer {
  const from = within(bytes, random);
  return insert(bytes, within(bytes, random), bytes.subarray(from, from + random.int(400)));
}

function splice({ bytes, random, other }: Material): Buffer {
  return Buffer.concat([bytes.subarray(0, within(bytes, random)), other.subarray(within(other, random))]);
}

function insertJunk({ bytes, random }: Material): Buffer {
  return insert(bytes, within(bytes, random), pick(JUNK, random));
}

function insertBroken({ bytes, random }: Material): Buffer {
  return insert(bytes, within(bytes, random), pick(BROKEN_UTF8, random));
}

function hugeNumber({ bytes, random }: Material): Buffer {
  const text = bytes.toString('latin1');
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const { index, 0: digits } = pick(numbers, random);
  return Buffer.from(text.slice(0, index) + pick(NUMBERS, random) + text.slice(index + digits.length), 'latin1');
}

/** Deep comma lists, unbalanced quotes, parameters without end. */
function repeatJunk({ bytes, random }: Material): Buffer {
  const piece = pick(JUNK, random);
  const times = 1 + random.int(random.int(10) === 0 ? 4000 : 100);
  return insert(bytes, within(bytes, random), Buffer.concat(Array<Buffer>(times).fill(piece)));
}

function lines(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\r\n');
}

function joined(all: readonly string[]): Buffer {
  return Buffer.from(all.join('\r\n'), 'latin1');
}

function swapLines({ bytes, random }: Material): Buffer {
  const all = lines(bytes);
  const [a, b] = [random.int(all.length), random.int(all.length)];
  [all[a], all[b]] = [all[b] ?? '', all[a] ?? ''];
  return joined(all);
}

function moveLine({ bytes, random }: Material): Buffer {
  const all = lines(bytes);
  const [line] = all.splice(random.int(all.length), 1);
  all.splice(random.int(all.length + 1), 0, line ?? '');
  return joined(all);
}

function dropLine({ bytes, random }: Material): Buffer {
  const all = lines(bytes);
  all.splice(random.int(all.length), 1);
  return joined(all);
}

function doubleLine({ bytes, random }: Material): Buffer {
  const all = lines(bytes);
  const line = pick(all, random);
  all.splice(random.int(all.length + 1), 0, line);
  return joined(all);
}

/** One line hundreds of times. */
function flood({ bytes, random }: Material): Buffer {
  if (random.int(10) > 0) return doubleLine({ bytes, random, other: bytes });
  const all = lines(bytes);
  const at = random.int(all.length);
  all.splice(at, 0, ...Array<string>(random.int(400)).fill(all[at] ?? ''));
  return joined(all);
}

function longLine({ bytes, random }: Material): Buffer {
  if (random.int(10) > 0) return bytes;
  return insert(bytes, within(bytes, random), Buffer.alloc(random.int(40_000), 0x41 + random.int(26)));
}

function changeCase({ bytes, random }: Material): Buffer {
  const text = bytes.toString('latin1');
  return Buffer.from(random.int(2) === 0 ? text.toUpperCase() : text.toLowerCase(), 'latin1');
}
