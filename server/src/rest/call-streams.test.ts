import type { AddressInfo } from 'node:net';
import { sidFromHex } from '@hookswitch/shared';
import { Twilio } from 'twilio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../kernel/index.ts';
import { HANDLERS } from '../records/handlers.ts';
import { Projection } from '../records/projection.ts';
import { PgRecords } from '../records/store.pg.ts';
import { CallEvents } from '../records/testing/call-events.ts';
import { openTestDatabase } from '../records/testing/postgres.ts';
import type { TestDatabase } from '../records/testing/postgres.ts';
import { RestWorld } from './testing/rest-world.ts';

const STREAM = sidFromHex('stream', 'e'.repeat(32));

describe('CR-5 media streams of a call in progress by the official helper library', () => {
  let world: RestWorld;
  let client: Twilio;
  let postgres: TestDatabase;
  let call: CallEvents;
  beforeAll(async () => {
    postgres = await openTestDatabase();
    const records = await PgRecords.open(postgres.database);
    world = await RestWorld.open(silentLog, records);
    await world.app.listen({ host: '127.0.0.1', port: 0 });
    const { sid, authToken } = world.account;
    client = new Twilio(sid, authToken, { accountSid: sid, autoRetry: false });
    client.api.baseUrl = `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`;
    call = new CallEvents('streamed');
    call.accountSid = sid;
    const projection = new Projection(HANDLERS);
    for (const event of [call.next('call.initiated'), call.next('call.answered')]) projection.add(event);
    const to = { epoch: 'e', seq: 1 };
    await records.apply({ shard: 4, from: undefined, to, fence: 1, changes: projection.changes });
  });
  afterAll(async () => {
    await world.app.close();
    await postgres.close();
  });

  it('are begun with their parameters, and stopped by sid or name', async () => {
    world.callControl.reply = { ok: true, stream: { streamSid: STREAM, name: 'agent' } };
    const made = await client.calls(call.sid).streams.create({
      url: 'wss://app.test/audio',
      name: 'agent',
      track: 'both_tracks',
      statusCallback: 'https://app.test/stream',
      'parameter1.name': 'FirstName',
      'parameter1.value': 'Jane',
      'parameter7.name': 'empty',
    });
    expect(made).toMatchObject({ sid: STREAM, callSid: call.sid, name: 'agent', status: 'in-progress' });
    const { asked } = world.callControl;
    expect(asked.at(-1)).toEqual({
      accountSid: world.account.sid,
      callSid: call.sid,
      kind: 'start-stream',
      url: 'wss://app.test/audio',
      name: 'agent',
      track: 'both_tracks',
      parameters: { FirstName: 'Jane', empty: '' },
      callback: { url: 'https://app.test/stream', method: 'POST' },
      hint: 'n1',
    });
    expect(await client.calls(call.sid).streams('agent').update({ status: 'stopped' })).toMatchObject({
      sid: STREAM,
      status: 'stopped',
    });
    expect(asked.at(-1)).toMatchObject({ kind: 'stop-stream', stream: 'agent' });
  });

  it('what cannot be is refused with its code', async () => {
    world.callControl.reply = { ok: false, reason: 'no-such-stream' };
    await expect(client.calls(call.sid).streams(STREAM).update({ status: 'stopped' })).rejects.toMatchObject({
      status: 404,
    });
    world.callControl.reply = { ok: false, reason: 'not-answered' };
    const { streams } = client.calls(call.sid);
    await expect(streams.create({ url: 'wss://app.test/' })).rejects.toMatchObject({ code: 21_220 });
    for (const url of ['https://app.test/', 'wss://', 'nonsense']) {
      await expect(streams.create({ url })).rejects.toMatchObject({ status: 400 });
    }
    await expect(
      client.calls(sidFromHex('call', '9'.repeat(32))).streams.create({ url: 'wss://a/' }),
    ).rejects.toMatchObject({ status: 404 });
  });
});
