import type { CallTrace, TraceEntry, TraceHead } from '@hookswitch/shared';
import { HOOKSWITCH, deviceOf, httpParty, partiesOf, sipParty } from './parties.ts';
import type { EventRecord, HttpRecord, MediaRecord, RecordedCall, SipRecord, TraceRecord } from './ports.ts';
import { glance } from './sip-text.ts';

/** The same bytes the same way within this time are a retransmission (RFC 3261: 64 times T1), milliseconds. */
const RETRANSMISSION_MS = 32_000;

/** An entry with the time it belongs to, monotonic. */
type Timed = TraceEntry & { readonly mono: number };

/** What a list of calls shows. Pure. */
export function headOf(call: RecordedCall): TraceHead {
  const { records } = call;
  const first = records[0]?.mono ?? 0;
  const last = records.at(-1)?.mono ?? first;
  return {
    ...(call.callSids.length === 0 ? exchangeHead(records) : callHead(call)),
    ...(call.accountSid === undefined ? {} : { accountSid: call.accountSid }),
    callSids: [...call.callSids],
    startedAt: call.wallTime(first),
    durationMs: last - first,
    live: call.live,
    bytes: call.bytes,
  };
}

/** Everything about one call, in the order in which it happened. Pure. */
export function traceOf(call: RecordedCall): CallTrace {
  const { records } = call;
  const begin = startOf(records);
  const entries = records.flatMap((record) => entriesOf(record, call.callSids.length > 1 ? call.callSids : []));
  entries.sort((a, b) => a.mono - b.mono);
  const head = headOf(call);
  return {
    ...head,
    startedAt: call.wallTime(begin),
    parties: partiesOf(records),
    entries: folded(entries).map(({ mono, ...entry }) => ({ ...entry, offsetMs: round(mono - begin) })),
  };
}

/** A request is recorded when it is over, but began earlier. */
function startOf(records: readonly TraceRecord[]): number {
  let begin = Infinity;
  for (const record of records)
    begin = Math.min(begin, record.kind === 'http' ? record.mono - record.durationMs : record.mono);
  return begin === Infinity ? 0 : begin;
}

type HeadFacts = Pick<TraceHead, 'id' | 'title' | 'from' | 'to' | 'status'>;

function callHead({ records, callSids }: RecordedCall): HeadFacts {
  const [id = ''] = callSids;
  const events = records.filter((record) => record.kind === 'event').filter((record) => record.callSid === id);
  const data = events[0]?.data ?? {};
  const ended = events.find(({ type }) => type === 'call.ended');
  const refused = events.some(({ type }) => type === 'call.refused');
  return {
    id,
    title: text(data['direction']) || 'call',
    from: text(data['from']),
    to: text(data['to']),
    status: ended === undefined ? (refused ? 'refused' : 'in-progress') : text(ended.data['status']),
  };
}

function exchangeHead(records: readonly TraceRecord[]): HeadFacts {
  const messages = records.filter((record) => record.kind === 'sip');
  const [first] = messages;
  if (first === undefined) return { id: '', title: '', from: '', to: '', status: '' };
  const { method, from, to } = glance(first.text);
  const final = messages.findLast(({ text: message }) => /^\s*SIP\/2\.0 [2-6]/.test(message));
  return {
    id: first.sipCallId,
    title: method,
    from,
    to,
    status: final === undefined ? 'unanswered' : glance(final.text).title,
  };
}

function entriesOf(record: TraceRecord, sids: readonly string[]): Timed[] {
  switch (record.kind) {
    case 'sip':
      return [sipEntry(record)];
    case 'http':
      return httpEntries(record);
    case 'event':
      return [eventEntry(record, sids)];
    case 'media':
      return [mediaEntry(record, sids)];
    case 'gap': {
      const title = `${record.dropped} entries left out`;
      const summary = 'the trace of this call had reached its limit';
      return [{ kind: 'gap', mono: record.mono, offsetMs: 0, from: HOOKSWITCH, title, summary }];
    }
  }
}

function sipEntry(record: SipRecord): Timed {
  const seen = glance(record.text);
  const outwards = record.direction === 'out';
  const party = sipParty(record);
  const about = seen.request
    ? seen.sdp
    : [seen.method === 'INVITE' ? undefined : seen.method, seen.sdp].filter(Boolean).join(' ');
  return {
    kind: 'sip',
    mono: record.mono,
    offsetMs: 0,
    from: outwards ? HOOKSWITCH : party,
    to: outwards ? party : HOOKSWITCH,
    title: seen.title,
    summary: [about, seen.reason].filter((part) => part !== undefined && part !== '').join(' · '),
    ...(seen.status >= 300 ? { failed: true } : {}),
    detail: Buffer.from(record.text, 'latin1').toString('utf8'),
  };
}

function httpEntries(record: HttpRecord): Timed[] {
  const party = httpParty(record);
  const url = URL.parse(record.url);
  const path = url === null ? record.url : `${url.pathname}${url.search}`;
  const failed = record.problem !== undefined || (record.status ?? 0) >= 400;
  const params = Object.entries(record.params).map(([name, value]) => `${name}: ${value}`);
  const { CallStatus: status = '' } = record.params;
  const title = record.status === undefined ? 'no answer' : String(record.status);
  const length = record.body === '' ? '' : `${record.body.length} characters`;
  return [
    {
      kind: 'http',
      mono: record.mono - record.durationMs,
      offsetMs: 0,
      from: HOOKSWITCH,
      to: party,
      title: `${record.method} ${path}`,
      summary: status,
      detail: [`${record.method} ${record.url}`, '', ...params].join('\n'),
    },
    {
      kind: 'http',
      mono: record.mono,
      offsetMs: 0,
      from: party,
      to: HOOKSWITCH,
      title,
      summary: [record.problem ?? verbsOf(record) ?? length, `${record.durationMs.toFixed(0)} ms`]
        .filter(Boolean)
        .join(' · '),
      ...(failed ? { failed: true } : {}),
      detail: [`${title} ${record.contentType}`.trim(), '', record.problem ?? record.body].join('\n'),
    },
  ];
}

/** `Say Dial`: the instructions in an answer. */
function verbsOf(record: HttpRecord): string | undefined {
  if (!/<Response/.test(record.body)) return undefined;
  const names = [...record.body.matchAll(/<([A-Z][A-Za-z]+)/g)].map(([, name = '']) => name);
  const verbs = names.filter((name) => name !== 'Response');
  return verbs.length === 0 ? 'empty Response' : verbs.slice(0, 6).join(' ');
}

/** Facts that a note need not say: its call does, an arrow does, or they mean nothing to people. They are in the detail. */
const UNSHOWN: ReadonlySet<string> = new Set(
  'callSid parentCallSid direction from to registration identity url method token hint expiresAt applicationSid sipCallId'.split(
    ' ',
  ),
);
const isShort = (value: unknown): boolean => typeof value !== 'object' || Array.isArray(value);
const FAILED = /failed|warning|one-way|refused|rejected/;

function eventEntry(record: EventRecord, sids: readonly string[]): Timed {
  const { type, data, mono } = record;
  const device = deviceOf(record);
  const endpoints = type === 'call.initiated' ? [`${text(data['from'])} to ${text(data['to'])}`] : [];
  const facts = Object.entries(data).filter(([name, value]) => !UNSHOWN.has(name) && isShort(value));
  const line = [...endpoints, ...facts.map((fact) => shown(fact, sids))];
  const base = {
    kind: 'event' as const,
    mono,
    offsetMs: 0,
    summary: [legName(record.callSid, sids), ...line].filter(Boolean).join(' '),
    ...(FAILED.test(type) ? { failed: true } : {}),
    detail: JSON.stringify({ type, data }, null, 2),
  };
  if (device === undefined) return { ...base, title: type, from: HOOKSWITCH };
  const [from, to] = device.way === 'to' ? [HOOKSWITCH, device.party] : [device.party, HOOKSWITCH];
  return { ...base, title: type, from, to };
}

const shown = ([name, value]: [string, unknown], sids: readonly string[]): string =>
  `${name}=${(typeof value === 'string' && legName(value, sids)) || String(value)}`;

function mediaEntry(record: MediaRecord, sids: readonly string[]): Timed {
  const summary = [legName(record.callSid, sids), record.summary].filter(Boolean).join(' ');
  return { kind: 'media', mono: record.mono, offsetMs: 0, from: HOOKSWITCH, title: `media ${record.title}`, summary };
}

/** `leg 2`, when there are several. */
function legName(callSid: string, sids: readonly string[]): string {
  const at = sids.indexOf(callSid);
  return at < 0 ? '' : `leg ${at + 1}`;
}

/** Retransmissions become one entry that says how many. */
function folded(entries: readonly Timed[]): Timed[] {
  const first = new Map<string, { at: number; mono: number }>();
  const out: Timed[] = [];
  for (const entry of entries) {
    const key = entry.kind === 'sip' ? `${entry.from} ${entry.to ?? ''}\n${entry.detail ?? ''}` : undefined;
    const before = key === undefined ? undefined : first.get(key);
    const earlier = before === undefined ? undefined : out[before.at];
    if (before !== undefined && earlier !== undefined && entry.mono - before.mono <= RETRANSMISSION_MS) {
      out[before.at] = { ...earlier, repeats: (earlier.repeats ?? 1) + 1 };
      continue;
    }
    if (key !== undefined) first.set(key, { at: out.length, mono: entry.mono });
    out.push(entry);
  }
  return out;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const round = (ms: number): number => Math.round(ms * 1000) / 1000;
