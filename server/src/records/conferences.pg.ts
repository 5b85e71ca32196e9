import { and, eq, isNull, or } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type {
  ConferenceQuery,
  ConferenceRecord,
  ConferenceRecords,
  ParticipantQuery,
  ParticipantRecord,
} from './ports.ts';
import { fromRow, inSpan, pageOf } from './rows.pg.ts';
import { conferences, participants } from './schema.pg.ts';

/** Conferences, and who is in them. */
export class PgConferenceRecords implements ConferenceRecords {
  readonly #db: NodePgDatabase;

  constructor(db: NodePgDatabase) {
    this.#db = db;
  }

  async get(accountSid: string, sid: string): Promise<ConferenceRecord | undefined> {
    const [row] = await this.#db
      .select()
      .from(conferences)
      .where(and(eq(conferences.sid, sid), eq(conferences.accountSid, accountSid)));
    return row === undefined ? undefined : fromRow(row);
  }

  async list(query: ConferenceQuery): Promise<ConferenceRecord[]> {
    const { accountSid, name, status, created, updated } = query;
    const { where, order, reversed } = pageOf(conferences, query);
    const found: SQL[] = [
      eq(conferences.accountSid, accountSid),
      ...inSpan(conferences.createdAt, created),
      ...inSpan(conferences.updatedAt, updated),
    ];
    if (name !== undefined) found.push(eq(conferences.name, name));
    if (status !== undefined) found.push(eq(conferences.status, status));
    const rows = await this.#db
      .select()
      .from(conferences)
      .where(and(...found, ...where))
      .orderBy(...order)
      .limit(query.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }

  async participants(query: ParticipantQuery): Promise<ParticipantRecord[]> {
    const { accountSid, conferenceSid, muted, hold, coaching } = query;
    const { where, order, reversed } = pageOf(participants, query);
    const found: SQL[] = [
      eq(participants.conferenceSid, conferenceSid),
      eq(participants.accountSid, accountSid),
      isNull(participants.leftAt),
    ];
    if (muted !== undefined) found.push(eq(participants.muted, muted));
    if (hold !== undefined) found.push(eq(participants.hold, hold));
    if (coaching !== undefined) found.push(eq(participants.coaching, coaching));
    const rows = await this.#db
      .select()
      .from(participants)
      .where(and(...found, ...where))
      .orderBy(...order)
      .limit(query.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }

  async participant(accountSid: string, conferenceSid: string, name: string): Promise<ParticipantRecord | undefined> {
    const [row] = await this.#db
      .select()
      .from(participants)
      .where(
        and(
          eq(participants.conferenceSid, conferenceSid),
          eq(participants.accountSid, accountSid),
          or(eq(participants.sid, name), eq(participants.label, name)),
          isNull(participants.leftAt),
        ),
      );
    return row === undefined ? undefined : fromRow(row);
  }
}
