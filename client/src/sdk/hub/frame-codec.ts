import type { ClientFrameInput, HookswitchEvent, Position, ServerFrame } from '@hookswitch/shared';

export type Decoded =
  | { readonly ok: true; readonly frame: ServerFrame }
  /** `id` is given when the frame answers a command that would otherwise wait for its time-out. */
  | { readonly ok: false; readonly id: number | undefined; readonly problem: string };

type Check = (value: unknown) => boolean;
type Members<T> = { readonly [K in keyof T]-?: Check };
type Frame<T extends ServerFrame['type']> = Omit<Extract<ServerFrame, { type: T }>, 'type'>;

const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const number: Check = (value) => Number.isFinite(value);
const integer: Check = (value) => Number.isSafeInteger(value);
const count: Check = (value) => integer(value) && (value as number) >= 0;
const anything: Check = (value) => value !== undefined;
const sized =
  (max: number): Check =>
  (value) =>
    typeof value === 'string' && value !== '' && value.length <= max;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const record: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const object =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    record(value) && problemOf(value as Record<string, unknown>, members) === undefined;

const topic = sized(512);
const position = object({ epoch: sized(64), seq: count } satisfies Members<Position>);
const event = object({
  specversion: (value) => value === '1.0',
  id: sized(128),
  source: text,
  type: text,
  subject: optional(text),
  time: text,
  datacontenttype: (value) => value === 'application/json',
  accountsid: text,
  fence: optional(count),
  sequence: optional(count),
  data: anything,
} satisfies Members<HookswitchEvent>);
const member = object({ connection: text, identity: optional(text), info: optional(record), since: number });

/**
 * The members of each frame, by hand: the schemas of `shared` with their library would be three times the size of the rest.
 * A missing member or frame type does not compile; that both judge alike is tested. Lighter in one thing: unknown members
 * are left alone everywhere, so that later servers can add some.
 */
const FRAMES: { readonly [T in ServerFrame['type']]: Members<Frame<T>> } = {
  connected: {
    id: count,
    connection: text,
    node: text,
    accountSid: text,
    identity: optional(text),
    heartbeatMs: number,
    expiresAt: number,
  },
  refreshed: { id: count, expiresAt: number },
  subscribed: { id: count, topic, position, recovered: flag, start: optional(position) },
  unsubscribed: { id: count, topic },
  presence: {
    id: count,
    topic,
    members: (value) => Array.isArray(value) && value.every(member),
    occupancy: integer,
    next: optional(text),
  },
  published: { id: count, eventId: text, position },
  pong: { id: count },
  ping: { n: optional(count) },
  error: {
    id: optional(count),
    code: integer,
    name: text,
    message: text,
    temporary: flag,
    topic: optional(topic),
    retryAfterMs: optional(number),
  },
  event: { topic, position, event },
  gap: { topic, position, recovered: flag },
  'token-will-expire': { expiresAt: number },
  result: { id: count, extension: text, body: anything },
  extension: { extension: text, body: anything },
  disconnect: { code: integer, reason: text, retryAfterMs: optional(number) },
};

/** Reads a frame of the server. Never throws. */
export function decodeFrame(json: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { ok: false, id: undefined, problem: 'not JSON' };
  }
  if (!record(value)) return { ok: false, id: undefined, problem: 'not an object' };
  const frame = value as Record<string, unknown>;
  const { type, id } = frame;
  const members =
    typeof type === 'string' && Object.hasOwn(FRAMES, type) ? FRAMES[type as ServerFrame['type']] : undefined;
  const problem = members === undefined ? 'type: unknown' : problemOf(frame, members);
  if (problem === undefined) return { ok: true, frame: frame as unknown as ServerFrame };
  return { ok: false, id: count(id) ? (id as number) : undefined, problem };
}

function problemOf(value: Record<string, unknown>, members: Readonly<Record<string, Check>>): string | undefined {
  for (const name in members) if (members[name]?.(value[name]) !== true) return `${name}: missing or not as expected`;
  return undefined;
}

export function encodeFrame(frame: ClientFrameInput): string {
  return JSON.stringify(frame);
}
