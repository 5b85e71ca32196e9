import type { AddressInfo } from 'node:net';
import { sidFromHex } from '@hookswitch/shared';
import type { EventType, HookswitchEvent } from '@hookswitch/shared';
import { Twilio } from 'twilio';
import { silentLog } from '../../kernel/index.ts';
import { HANDLERS } from '../../records/handlers.ts';
import { Projection } from '../../records/projection.ts';
import type { ProjectedEvent } from '../../records/projection.ts';
import { PgRecords } from '../../records/store.pg.ts';
import { CallEvents } from '../../records/testing/call-events.ts';
import { openTestDatabase } from '../../records/testing/postgres.ts';
import type { TestDatabase } from '../../records/testing/postgres.ts';
import { RestWorld } from './rest-world.ts';

export const CONFERENCE = sidFromHex('conference', 'c'.repeat(32));
export const QUEUE = sidFromHex('queue', 'd'.repeat(32));

/** The REST API with one of everything that comes of calls, and the official helper library as its client. */
export class OperationWorld {
  readonly rest: RestWorld;
  readonly client: Twilio;
  /** In progress. */
  readonly call: CallEvents;
  readonly records: PgRecords;
  readonly #postgres: TestDatabase;
  #seq = 0;
  #made = 0;

  private constructor(rest: RestWorld, records: PgRecords, postgres: TestDatabase) {
    this.rest = rest;
    this.records = records;
    this.#postgres = postgres;
    const { sid, authToken } = rest.account;
    this.client = new Twilio(sid, authToken, { accountSid: sid, autoRetry: false });
    this.client.api.baseUrl = `http://127.0.0.1:${(rest.app.server.address() as AddressInfo).port}`;
    this.call = this.callEvents('live');
  }

  static async open(): Promise<OperationWorld> {
    const postgres = await openTestDatabase();
    const records = await PgRecords.open(postgres.database);
    const rest = await RestWorld.open(silentLog, records);
    await rest.app.listen({ host: '127.0.0.1', port: 0 });
    const world = new OperationWorld(rest, records, postgres);
    await world.apply(world.call.next('call.initiated'), world.call.next('call.answered'));
    await world.tellConference('conference.participant-joined', { ...world.participant(), label: 'host' });
    await world.tellConference('conference.started', {});
    return world;
  }

  async close(): Promise<void> {
    await this.rest.app.close();
    await this.#postgres.close();
  }

  callEvents(name: string): CallEvents {
    const made = new CallEvents(name);
    made.accountSid = this.rest.account.sid;
    return made;
  }

  /** A name, or a number, that nothing has yet. */
  unused(): string {
    this.#made += 1;
    return String(this.#made).padStart(4, '0');
  }

  async apply(...events: readonly ProjectedEvent[]): Promise<void> {
    const projection = new Projection(HANDLERS);
    for (const event of events) projection.add(event);
    const at = (seq: number) => ({ epoch: 'e', seq });
    const from = this.#seq === 0 ? undefined : at(this.#seq);
    this.#seq += 1;
    await this.records.apply({ shard: 5, from, to: at(this.#seq), fence: 1, changes: projection.changes });
  }

  /** Tells of a recording of the call, or of the conference when `more` says so. */
  async tellRecording(recordingSid: string, type: EventType, more: object = {}): Promise<void> {
    const { event } = this.call.next('call.ringing');
    const facts = { recordingSid, callSid: this.call.sid, source: 'RecordVerb', channels: 1, track: 'both' };
    const data = { ...facts, startedAt: Date.UTC(2026, 0, 5, 10), ...more };
    const topic = `calls.${this.call.sid}.${type.split('.')[1] ?? ''}`;
    await this.apply({ event: { ...event, id: `${recordingSid}${type}`, type, data }, topic });
  }

  /** A recording that is over; of the conference where `ofConference`. */
  async recorded({ ofConference = false }: { readonly ofConference?: boolean } = {}): Promise<string> {
    const sid = sidFromHex('recording', this.unused().padStart(32, 'e'));
    const more = ofConference ? { conferenceSid: CONFERENCE, source: 'Conference' } : {};
    await this.tellRecording(sid, 'recording.started', more);
    await this.tellRecording(sid, 'recording.completed', { ...more, durationSeconds: 1, bytes: 16_044 });
    return sid;
  }

  async transcribed(): Promise<{ recordingSid: string; transcriptionSid: string }> {
    const recordingSid = await this.recorded();
    const transcriptionSid = sidFromHex('transcription', this.unused().padStart(32, 'f'));
    const facts = { transcriptionSid, status: 'completed', text: 'hello' };
    await this.tellRecording(recordingSid, 'recording.transcribed', facts);
    return { recordingSid, transcriptionSid };
  }

  participant(): object {
    const state = { muted: false, hold: false, coaching: false };
    return { callSid: this.call.sid, ...state, startConferenceOnEnter: true, endConferenceOnExit: false };
  }

  async tellConference(type: EventType, data: object): Promise<void> {
    const event: HookswitchEvent = {
      specversion: '1.0',
      id: `${type}-${this.#seq}`,
      source: 'n1',
      type,
      time: new Date(Date.UTC(2026, 0, 1) + this.#seq * 1000).toISOString(),
      datacontenttype: 'application/json',
      accountsid: this.rest.account.sid,
      data: { conferenceSid: CONFERENCE, friendlyName: 'standup', sequence: this.#seq, ...data },
    };
    await this.apply({ event, topic: `conferences.${CONFERENCE}.${type.split('.')[1] ?? ''}` });
  }
}
