import { and, eq, ne } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { ListPart, RecordingQuery, RecordingRecord, RecordingRecords, TranscriptionRecord } from './ports.ts';
import { fromRow, inSpan, pageOf } from './rows.pg.ts';
import { recordings, transcriptions } from './schema.pg.ts';

/** Recordings and what was understood of them. Their files are elsewhere. */
export class PgRecordingRecords implements RecordingRecords {
  readonly #db: NodePgDatabase;

  constructor(db: NodePgDatabase) {
    this.#db = db;
  }

  async get(accountSid: string, sid: string): Promise<RecordingRecord | undefined> {
    const [row] = await this.#db
      .select()
      .from(recordings)
      .where(and(eq(recordings.sid, sid), eq(recordings.accountSid, accountSid)));
    return row === undefined ? undefined : fromRow(row);
  }

  async list(query: RecordingQuery): Promise<RecordingRecord[]> {
    const { accountSid, callSid, conferenceSid, created, includeDeleted = false } = query;
    const { where, order, reversed } = pageOf(recordings, query);
    const found: SQL[] = [eq(recordings.accountSid, accountSid), ...inSpan(recordings.createdAt, created)];
    if (callSid !== undefined) found.push(eq(recordings.callSid, callSid));
    if (conferenceSid !== undefined) found.push(eq(recordings.conferenceSid, conferenceSid));
    if (!includeDeleted) found.push(ne(recordings.status, 'deleted'));
    const rows = await this.#db
      .select()
      .from(recordings)
      .where(and(...found, ...where))
      .orderBy(...order)
      .limit(query.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }

  async remove(accountSid: string, sid: string, at: string): Promise<boolean> {
    const rows = await this.#db
      .update(recordings)
      .set({ status: 'deleted', updatedAt: new Date(at) })
      .where(and(eq(recordings.sid, sid), eq(recordings.accountSid, accountSid), ne(recordings.status, 'deleted')))
      .returning({ sid: recordings.sid });
    return rows.length > 0;
  }

  async transcription(accountSid: string, sid: string): Promise<TranscriptionRecord | undefined> {
    const [row] = await this.#db
      .select()
      .from(transcriptions)
      .where(and(eq(transcriptions.sid, sid), eq(transcriptions.accountSid, accountSid)));
    return row === undefined ? undefined : fromRow(row);
  }

  async transcriptions(
    part: ListPart & { readonly recordingSid?: string | undefined },
  ): Promise<TranscriptionRecord[]> {
    const { accountSid, recordingSid } = part;
    const { where, order, reversed } = pageOf(transcriptions, part);
    const found: SQL[] = [eq(transcriptions.accountSid, accountSid)];
    if (recordingSid !== undefined) found.push(eq(transcriptions.recordingSid, recordingSid));
    const rows = await this.#db
      .select()
      .from(transcriptions)
      .where(and(...found, ...where))
      .orderBy(...order)
      .limit(part.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }

  async removeTranscription(accountSid: string, sid: string): Promise<boolean> {
    const rows = await this.#db
      .delete(transcriptions)
      .where(and(eq(transcriptions.sid, sid), eq(transcriptions.accountSid, accountSid)))
      .returning({ sid: transcriptions.sid });
    return rows.length > 0;
  }
}
