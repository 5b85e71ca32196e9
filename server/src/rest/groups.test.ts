import type { AddressInfo } from 'node:net';
import { sidFromHex } from '@hookswitch/shared';
import type { EventType, HookswitchEvent } from '@hookswitch/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Twilio } from 'twilio';
import type { QueueFacts } from '../calls/index.ts';
import { silentLog } from '../kernel/index.ts';
import { HANDLERS } from '../records/handlers.ts';
import { Projection } from '../records/projection.ts';
import type { Checkpoint } from '../records/ports.ts';
import { PgRecords } from '../records/store.pg.ts';
import { openTestDatabase } from '../records/testing/postgres.ts';
import type { TestDatabase } from '../records/testing/postgres.ts';
import { RestWorld } from './testing/rest-world.ts';

const CONFERENCE = sidFromHex('conference', 'c'.repeat(32));
const QUEUE = sidFromHex('queue', 'd'.repeat(32));
const call = (n: number): string => sidFromHex('call', String(n).repeat(32));

describe('CR-5 conferences and queues by the official helper library', () => {
  let world: RestWorld;
  let client: Twilio;
  let records: PgRecords;
  let postgres: TestDatabase;
  let at: Checkpoint | undefined;
  let second = 0;
  const tell = async (type: EventType, data: object): Promise<void> => {
    const event: HookswitchEvent = {
      specversion: '1.0',
      id: `e${second}`,
      source: 'n1',
      type,
      time: new Date(Date.UTC(2026, 0, 1) + second++ * 1000).toISOString(),
      datacontenttype: 'application/json',
      accountsid: world.account.sid,
      data: { conferenceSid: CONFERENCE, friendlyName: 'standup', sequence: second, ...data },
    };
    const projection = new Projection(HANDLERS);
    expect(projection.add({ event, topic: `conferences.${CONFERENCE}.${type.split('.')[1] ?? ''}` })).toBe(true);
    const to = { epoch: 'e', seq: second };
    expect(await records.apply({ shard: 3, from: at, to, fence: 1, changes: projection.changes })).toBe(true);
    at = to;
  };
  const participant = (n: number, more: object = {}) => ({
    callSid: call(n),
    muted: false,
    hold: false,
    coaching: false,
    startConferenceOnEnter: true,
    endConferenceOnExit: false,
    ...more,
  });
  beforeAll(async () => {
    postgres = await openTestDatabase();
    records = await PgRecords.open(postgres.database);
    world = await RestWorld.open(silentLog, records);
    await world.app.listen({ host: '127.0.0.1', port: 0 });
    const { sid, authToken } = world.account;
    client = new Twilio(sid, authToken, { accountSid: sid, autoRetry: false });
    client.api.baseUrl = `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`;
    await world.store.addNumber(sid, { number: '+15550100' });
  });
  afterAll(async () => {
    await world.app.close();
    await postgres.close();
  });

  it('a conference from its first participant to its end', async () => {
    const conference = client.conferences(CONFERENCE);
    await tell('conference.participant-joined', participant(1, { label: 'host' }));
    expect(await conference.fetch()).toMatchObject({ friendlyName: 'standup', status: 'init' });
    await tell('conference.started', {});
    await tell('conference.participant-joined', participant(2));
    expect(await conference.fetch()).toMatchObject({ status: 'in-progress' });
    expect((await conference.participants.list()).map(({ callSid }) => callSid).sort()).toEqual([call(1), call(2)]);
    expect(await conference.participants('host').fetch()).toMatchObject({ callSid: call(1), label: 'host' });

    world.conferences.reply = {
      ok: true,
      conference: {
        conferenceSid: CONFERENCE,
        friendlyName: 'standup',
        status: 'in-progress',
        createdAt: 0,
        participants: [{ ...participant(2, { muted: true }), joinedAt: 0 }],
      },
    };
    await tell('conference.participant-muted', participant(2, { muted: true }));
    expect(await conference.participants(call(2)).update({ muted: true })).toMatchObject({ muted: true, hold: false });
    expect(world.conferences.asked.at(-1)).toMatchObject({
      do: 'update',
      participant: call(2),
      change: { muted: true },
    });
    expect(await conference.participants.list({ muted: true })).toHaveLength(1);
    await conference.update({ announceUrl: 'https://app.test/a', announceMethod: 'GET' });
    expect(world.conferences.asked.at(-1)).toMatchObject({ do: 'announce', url: 'https://app.test/a', method: 'GET' });
    expect(await conference.participants(call(2)).remove()).toBe(true);
    expect(world.conferences.asked.at(-1)).toMatchObject({ do: 'kick', participant: call(2) });
    await tell(
      'conference.participant-left',
      participant(2, { reason: 'participant-kicked', callStatus: 'in-progress' }),
    );
    expect(await conference.participants.list()).toHaveLength(1);
    await tell(
      'conference.participant-left',
      participant(1, { reason: 'participant-hung-up', callStatus: 'completed' }),
    );
    // Of whom no `left` comes: the node of the conference died before it could tell.
    await tell('conference.participant-joined', participant(3));
    expect(await conference.participants.list()).toHaveLength(1);
    await tell('conference.ended', { reason: 'last-participant-left', callSidEndingConference: call(1) });
    expect(await conference.participants.list()).toEqual([]);
    expect(await conference.update({ status: 'completed' })).toMatchObject({
      status: 'completed',
      reasonConferenceEnded: 'last-participant-left',
      callSidEndingConference: call(1),
    });
    expect(await client.conferences.list({ status: 'in-progress' })).toEqual([]);
    expect(await client.conferences.list({ friendlyName: 'standup' })).toHaveLength(1);
    world.conferences.reply = { ok: false, reason: 'no-such-conference' };
    await expect(conference.participants(call(1)).remove()).rejects.toMatchObject({ status: 404 });
  });

  it('somebody is called into a conference by its name', async () => {
    const made = await client.conferences('room <1>').participants.create({
      from: '+15550100',
      to: '+15550123',
      label: 'guest',
      muted: true,
      beep: 'onEnter',
    });
    expect(made).toMatchObject({ status: 'queued', label: 'guest', muted: true });
    expect(world.callRequests.waiting.get(made.callSid)?.order).toMatchObject({
      to: '+15550123',
      document:
        '<Response><Dial><Conference participantLabel="guest" muted="true" beep="onEnter">room &lt;1&gt;</Conference></Dial></Response>',
    });
  });

  it('queues: make, list, resize, members in their order, dequeue, delete', async () => {
    const queue: QueueFacts = {
      queueSid: QUEUE,
      friendlyName: 'support',
      maxSize: 100,
      currentSize: 3,
      averageWaitSeconds: 12.4,
      createdAt: Date.UTC(2026, 0, 1),
      members: [1, 2, 3].map((n) => ({ callSid: call(n), position: n, enqueuedAt: n * 1000, waitSeconds: 9 - n })),
    };
    world.queues.reply = (request) => (request.do === 'list' ? { ok: true, queues: [queue] } : { ok: true, queue });
    expect(await client.queues.create({ friendlyName: 'support', maxSize: 100 })).toMatchObject({
      sid: QUEUE,
      currentSize: 3,
      averageWaitTime: 12,
    });
    expect(world.queues.asked.at(-1)).toMatchObject({ do: 'create', name: 'support', maxSize: 100 });
    expect((await client.queues.list()).map(({ friendlyName }) => friendlyName)).toEqual(['support']);
    await client.queues(QUEUE).update({ maxSize: 7 });
    expect(world.queues.asked.at(-1)).toMatchObject({ do: 'resize', maxSize: 7 });
    await client.queues(QUEUE).update({ friendlyName: 'care', maxSize: 9 });
    expect(world.queues.asked.slice(-2)).toMatchObject([
      { do: 'rename', queueSid: QUEUE, name: 'care' },
      { do: 'resize', maxSize: 9 },
    ]);
    const waiting = await client.queues(QUEUE).members.list({ pageSize: 2 });
    expect(waiting.map(({ callSid, position }) => [callSid, position])).toEqual([1, 2, 3].map((n) => [call(n), n]));
    expect((await client.queues(QUEUE).members('Front').fetch()).callSid).toBe(call(1));
    await client.queues(QUEUE).members('Front').update({ url: 'https://app.test/next' });
    expect(world.queues.asked.at(-1)).toMatchObject({ do: 'dequeue', member: call(1), url: 'https://app.test/next' });
    world.queues.reply = () => ({ ok: false, reason: 'not-empty' });
    await expect(client.queues(QUEUE).remove()).rejects.toMatchObject({ status: 400, code: 22_002 });
    world.queues.reply = () => ({ ok: false, reason: 'name-taken' });
    await expect(client.queues.create({ friendlyName: 'support' })).rejects.toMatchObject({ code: 22_003 });
    world.queues.reply = () => ({ ok: false, reason: 'no-such-queue' });
    await expect(client.queues(QUEUE).fetch()).rejects.toMatchObject({ status: 404 });
  });
});
