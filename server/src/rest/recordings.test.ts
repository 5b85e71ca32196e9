import type { AddressInfo } from 'node:net';
import { sidFromHex } from '@hookswitch/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Twilio } from 'twilio';
import { silentLog } from '../kernel/index.ts';
import { HANDLERS } from '../records/handlers.ts';
import { Projection } from '../records/projection.ts';
import type { ProjectedEvent } from '../records/projection.ts';
import type { Checkpoint } from '../records/ports.ts';
import { PgRecords } from '../records/store.pg.ts';
import { CallEvents } from '../records/testing/call-events.ts';
import { openTestDatabase } from '../records/testing/postgres.ts';
import type { TestDatabase } from '../records/testing/postgres.ts';
import { RestWorld } from './testing/rest-world.ts';

const RECORDING = sidFromHex('recording', 'e'.repeat(32));
const TRANSCRIPTION = sidFromHex('transcription', 'f'.repeat(32));

/** A second of silence, 16 bit at 8 kHz. */
function wavFile(channels: 1 | 2): Buffer {
  const data = Buffer.alloc(16_000 * channels);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16_000 * channels, 28);
  head.writeUInt16LE(2 * channels, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

describe('CR-5 recordings by the official helper library', () => {
  let world: RestWorld;
  let client: Twilio;
  let records: PgRecords;
  let postgres: TestDatabase;
  let call: CallEvents;
  let at: Checkpoint | undefined;
  const apply = async (...events: ProjectedEvent[]): Promise<void> => {
    const projection = new Projection(HANDLERS);
    for (const event of events) expect(projection.add(event)).toBe(true);
    const to = { epoch: 'e', seq: (at?.seq ?? 0) + 1 };
    expect(await records.apply({ shard: 4, from: at, to, fence: 1, changes: projection.changes })).toBe(true);
    at = to;
  };
  const tell = (type: string, more: object = {}): Promise<void> => {
    const { event } = call.next('call.ringing');
    const facts = { recordingSid: RECORDING, callSid: call.sid, source: 'RecordVerb', channels: 2, track: 'both' };
    const data = { ...facts, startedAt: Date.UTC(2026, 0, 5, 10), ...more };
    return apply({ event: { ...event, type, data }, topic: `calls.${call.sid}.${type.split('.')[1] ?? ''}` });
  };
  beforeAll(async () => {
    postgres = await openTestDatabase();
    records = await PgRecords.open(postgres.database);
    world = await RestWorld.open(silentLog, records);
    await world.app.listen({ host: '127.0.0.1', port: 0 });
    const { sid, authToken } = world.account;
    client = new Twilio(sid, authToken, { accountSid: sid, autoRetry: false });
    client.api.baseUrl = `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`;
    call = new CallEvents('recorded');
    call.accountSid = sid;
    await apply(call.next('call.initiated'), call.next('call.answered'));
  });
  afterAll(async () => {
    await world.app.close();
    await postgres.close();
  });
  const download = (suffix: string, headers: Record<string, string> = {}) =>
    world.request('GET', `Recordings/${RECORDING}${suffix}`, { headers });

  it('begins, pauses, goes on with and stops a recording of a call in progress', async () => {
    const live = {
      recordingSid: RECORDING,
      channels: 'dual' as const,
      track: 'both' as const,
      source: 'StartCallRecordingAPI',
    };
    world.callControl.reply = { ok: true, recording: { ...live, startedAt: world.clock.now() } };
    const made = await client.calls(call.sid).recordings.create({
      recordingChannels: 'dual',
      recordingStatusCallback: 'https://app.test/r',
      recordingStatusCallbackEvent: ['in-progress', 'completed'],
    });
    expect(made).toMatchObject({ sid: RECORDING, status: 'in-progress', channels: 2, source: 'StartCallRecordingAPI' });
    const { asked } = world.callControl;
    expect(asked.at(-1)).toMatchObject({ kind: 'record', channels: 'dual', trim: false, hint: 'n1' });
    const current = client.calls(call.sid).recordings('Twilio.CURRENT');
    expect(await current.update({ status: 'paused', pauseBehavior: 'skip' })).toMatchObject({ status: 'paused' });
    expect(asked.at(-1)).toMatchObject({ kind: 'change-recording', change: 'pause-skip' });
    await client.calls(call.sid).recordings(RECORDING).update({ status: 'in-progress' });
    expect(asked.at(-1)).toMatchObject({ recordingSid: RECORDING, change: 'resume' });
    expect(await current.update({ status: 'stopped' })).toMatchObject({ status: 'stopped' });
    world.callControl.reply = { ok: false, reason: 'no-such-recording' };
    await expect(current.update({ status: 'paused' })).rejects.toMatchObject({ status: 404 });
    world.callControl.reply = { ok: false, reason: 'not-answered' };
    await expect(client.calls(call.sid).recordings.create()).rejects.toMatchObject({ code: 21_220 });
  });

  it('facts, audio as wav and mp3, by ranges; transcription; deleted, the facts stay', async () => {
    await tell('recording.started');
    expect(await client.recordings(RECORDING).fetch()).toMatchObject({ status: 'in-progress', duration: null });
    // As a callback says that it is completed, before the records show it.
    const early = download('.wav');
    await expect(client.recordings(RECORDING).remove()).rejects.toMatchObject({ status: 409 });
    const file = wavFile(2);
    const facts = { accountSid: world.account.sid, recordingSid: RECORDING, callSid: call.sid, channels: 2 as const };
    await world.files.put({ ...facts, bytes: file.length, durationMs: 1000, startedAt: 0 }, once(file));
    await tell('recording.completed', { durationSeconds: 1.2, bytes: file.length });
    await tell('recording.transcribed', { transcriptionSid: TRANSCRIPTION, status: 'completed', text: 'hello' });
    const fetched = await client.recordings(RECORDING).fetch();
    expect(fetched).toMatchObject({ status: 'completed', duration: '1', callSid: call.sid });
    expect((await client.recordings.list({ callSid: call.sid })).map(({ sid }) => sid)).toEqual([RECORDING]);
    expect((await client.calls(call.sid).recordings.list()).map(({ sid }) => sid)).toEqual([RECORDING]);

    let there = false;
    void early.then(() => (there = true));
    await expect
      .poll(() => {
        world.clock.advance(25);
        return there;
      })
      .toBe(true);
    expect((await early).statusCode).toBe(200);
    const whole = await download('.wav');
    expect([whole.statusCode, whole.headers['content-type'], whole.rawPayload.equals(file)]).toEqual([
      200,
      'audio/wav',
      true,
    ]);
    expect((await download('')).rawPayload.length).toBe(file.length);
    const part = await download('.wav', { range: 'bytes=0-43' });
    expect([part.statusCode, part.headers['content-range'], part.rawPayload.length]).toEqual([
      206,
      `bytes 0-43/${file.length}`,
      44,
    ]);
    expect((await download('.wav', { range: 'bytes=-10' })).rawPayload.length).toBe(10);
    expect((await download('.wav', { range: `bytes=${file.length}-` })).statusCode).toBe(416);
    const mono = await download('.wav?RequestedChannels=1');
    expect(mono.rawPayload.readUInt16LE(22)).toBe(1);
    const mp3 = await download('.mp3');
    expect([mp3.statusCode, mp3.headers['content-type']]).toEqual([200, 'audio/mpeg']);
    const mp3Part = await download('.mp3', { range: 'bytes=10-19' });
    expect(mp3Part.rawPayload.equals(mp3.rawPayload.subarray(10, 20))).toBe(true);

    expect(await client.transcriptions(TRANSCRIPTION).fetch()).toMatchObject({ transcriptionText: 'hello' });
    expect(await client.recordings(RECORDING).transcriptions.list()).toHaveLength(1);
    expect(await client.transcriptions(TRANSCRIPTION).remove()).toBe(true);
    const other = await world.newAccount('Other');
    expect((await world.request('GET', `Recordings/${RECORDING}.wav`, { as: other })).statusCode).toBe(404);
    expect(await client.recordings(RECORDING).remove()).toBe(true);
    expect((await download('.wav')).statusCode).toBe(404);
    expect(await client.recordings.list()).toEqual([]);
    expect(await client.recordings.list({ includeSoftDeleted: true })).toMatchObject([{ status: 'deleted' }]);
  });
});
