import type { TraceParty } from '@hookswitch/shared';
import type { EventRecord, HttpRecord, SipRecord, TraceRecord } from './ports.ts';
import { glance } from './sip-text.ts';

/** Id of the column in the middle. */
export const HOOKSWITCH = 'hookswitch';

export const sipParty = (record: SipRecord): string => `sip:${record.sipCallId}`;
export const httpParty = (record: HttpRecord): string => `app:${originOf(record.url)}`;
const clientParty = (identity: string): string => `client:${identity}`;

/** Events that are messages to and from a device rather than notes: which way they go. */
const DEVICE_EVENTS: Readonly<Record<string, 'to' | 'from'>> = {
  'client.incoming': 'to',
  'client.cancel': 'to',
  'client.accepted': 'from',
  'client.rejected': 'from',
};

/** The device that an event is a message of; undefined for notes. */
export function deviceOf(record: EventRecord): { party: string; way: 'to' | 'from' } | undefined {
  const way = DEVICE_EVENTS[record.type];
  const { identity } = record.data;
  return way === undefined || typeof identity !== 'string' ? undefined : { party: clientParty(identity), way };
}

/** The browser that a call came from: its leg has no SIP dialog and nobody rang it. */
function callingClient(record: TraceRecord): string | undefined {
  if (record.kind !== 'event' || record.type !== 'call.initiated') return undefined;
  const { from, direction } = record.data;
  if (direction !== 'inbound' || typeof from !== 'string' || !from.startsWith('client:')) return undefined;
  return from.slice('client:'.length);
}

const host = ({ address, port }: { address: string; port: number }): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/**
 * Columns left to right: who called, Hookswitch, application servers, who was called. A SIP dialog is a column of its own,
 * because caller and callee are often behind one address.
 */
export function partiesOf(records: readonly TraceRecord[]): TraceParty[] {
  const callers: TraceParty[] = [];
  const applications: TraceParty[] = [];
  const callees: TraceParty[] = [];
  const seen = new Set<string>();
  const add = (list: TraceParty[], party: TraceParty): void => {
    if (seen.has(party.id)) return;
    seen.add(party.id);
    list.push(party);
  };
  for (const record of records) {
    if (record.kind === 'sip') {
      const id = sipParty(record);
      if (seen.has(id)) continue;
      const { from, to, request } = glance(record.text);
      const inbound = (record.direction === 'in') === request;
      const note = inbound ? from : to;
      add(inbound ? callers : callees, {
        id,
        kind: 'sip',
        label: `${host(record.remote)}${record.protocol === 'udp' ? '' : ` ${record.protocol}`}`,
        ...(note === '' ? {} : { note }),
      });
    } else if (record.kind === 'http') {
      add(applications, { id: httpParty(record), kind: 'application', label: originOf(record.url) });
    } else if (record.kind === 'event') {
      const calling = callingClient(record);
      if (calling !== undefined) add(callers, clientColumn(calling));
      const device = deviceOf(record);
      if (device !== undefined) add(callees, clientColumn(device.party.slice('client:'.length)));
    }
  }
  const middle: TraceParty = { id: HOOKSWITCH, kind: 'hookswitch', label: 'hookswitch' };
  return [...callers, middle, ...applications, ...callees];
}

const clientColumn = (identity: string): TraceParty => ({ id: clientParty(identity), kind: 'client', label: identity });

function originOf(url: string): string {
  return URL.parse(url)?.host ?? url.slice(0, 60);
}
