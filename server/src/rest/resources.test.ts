import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Twilio } from 'twilio';
import { CONFERENCE, OperationWorld } from './testing/operation-world.ts';

/** What the resources do, beside being there: see operations.test.ts for every one of them. */
describe('CR-4 resources by the official helper library', () => {
  let world: OperationWorld;
  let client: Twilio;
  beforeAll(async () => {
    world = await OperationWorld.open();
    ({ client } = world);
  });
  afterAll(() => world.close());
  const refused = (status: number, code: number): object => ({ status, code });

  it('a SIP domain with lists decides about calls and registrations, and shows how', async () => {
    const domain = await client.sip.domains.create({
      domainName: 'Office.example.com',
      friendlyName: 'Office',
      voiceUrl: 'https://app.test/sip',
      voiceMethod: 'GET',
      voiceStatusCallbackUrl: 'https://app.test/status',
    });
    expect(domain).toMatchObject({ domainName: 'office.example.com', voiceMethod: 'GET', sipRegistration: false });
    expect(world.rest.directory.application(domain.sid)?.voiceUrl).toBe('https://app.test/sip');
    const list = await client.sip.credentialLists.create({ friendlyName: 'people' });
    const { credentials } = client.sip.credentialLists(list.sid);
    const credential = await credentials.create({ username: 'desk', password: 'Correct horse 1' });
    expect(JSON.stringify(credential)).not.toContain('Correct');
    const addresses = await client.sip.ipAccessControlLists.create({ friendlyName: 'net' });
    await client.sip
      .ipAccessControlLists(addresses.sid)
      .ipAddresses.create({ friendlyName: 'office', ipAddress: '192.0.2.0', cidrPrefixLength: 24 });
    const { auth } = client.sip.domains(domain.sid);
    const { phones } = world.rest.directory;

    await auth.calls.credentialListMappings.create({ credentialListSid: list.sid });
    await auth.calls.ipAccessControlListMappings.create({ ipAccessControlListSid: addresses.sid });
    expect(phones.caller(domain.sid, 'desk')?.password).toBe('Correct horse 1');
    expect(phones.user(domain.sid, 'desk')).toBeUndefined();
    expect(phones.access(domain.sid, '192.0.2.7')).toEqual({ address: 'allowed', credentials: 'needed' });
    expect(phones.access(domain.sid, '198.51.100.7').address).toBe('refused');
    await auth.registrations.credentialListMappings.create({ credentialListSid: list.sid });
    expect(phones.user(domain.sid, 'desk')?.password).toBe('Correct horse 1');
    expect((await client.sip.domains(domain.sid).fetch()).authType).toBe('IP_ACL,CREDENTIAL_LIST');
    expect((await client.sip.domains(domain.sid).credentialListMappings.list()).map(({ sid }) => sid)).toEqual([
      list.sid,
    ]);

    await expect(client.sip.credentialLists(list.sid).remove()).rejects.toMatchObject(refused(409, 20_409));
    expect(await auth.calls.credentialListMappings(list.sid).remove()).toBe(true);
    expect(await auth.registrations.credentialListMappings(list.sid).remove()).toBe(true);
    expect(await client.sip.credentialLists(list.sid).remove()).toBe(true);
    expect(phones.caller(domain.sid, 'desk')).toBeUndefined();
    await expect(credentials(credential.sid).fetch()).rejects.toMatchObject(refused(404, 20_404));
    await expect(client.sip.domains.create({ domainName: 'office.EXAMPLE.com' })).rejects.toMatchObject({
      status: 409,
    });
  });

  it('lists of another account are not there', async () => {
    const other = await world.rest.newAccount('Other');
    const foreign = await world.rest.store.sipLists.addCredentialList(other.sid, 'foreign');
    await expect(client.sip.credentialLists(foreign.sid).fetch()).rejects.toMatchObject(refused(404, 20_404));
    const domain = await client.sip.domains.create({ domainName: 'mine.example.com' });
    await expect(
      client.sip.domains(domain.sid).auth.calls.credentialListMappings.create({ credentialListSid: foreign.sid }),
    ).rejects.toMatchObject(refused(404, 20_404));
  });

  it("numbers of the operator are found, taken, somebody else's then, and free again", async () => {
    const plain = { country: 'US', type: 'local', region: 'CA' } as const;
    await world.rest.store.pool.add([
      { number: '+15105550150', locality: 'Oakland', ...plain },
      { number: '+15105550151', locality: 'Berkeley', ...plain },
      { number: '+14155552665', locality: 'San Francisco', ...plain },
    ]);
    const { local } = client.availablePhoneNumbers('US');
    const numbers = async (options: Parameters<typeof local.list>[0]): Promise<string[]> =>
      (await local.list(options)).map(({ phoneNumber }) => phoneNumber);
    expect(await numbers({ areaCode: 510 })).toEqual(['+15105550150', '+15105550151']);
    expect(await numbers({ contains: '415***COOL' })).toEqual(['+14155552665']);
    expect(await numbers({ inLocality: 'berkeley' })).toEqual(['+15105550151']);
    expect(await numbers({ smsEnabled: true })).toEqual([]);
    expect(await numbers({ limit: 1, pageSize: 1 })).toHaveLength(1);
    await expect(local.list({ contains: '%' })).rejects.toMatchObject(refused(400, 20_001));
    const [shown] = await local.list({ inLocality: 'Oakland' });
    expect(shown).toMatchObject({ friendlyName: '(510) 555-0150', isoCountry: 'US', region: 'CA' });

    const taken = await client.incomingPhoneNumbers.create({ areaCode: '510' });
    expect(taken.phoneNumber).toBe('+15105550150');
    expect(await numbers({ areaCode: 510 })).toEqual(['+15105550151']);
    await expect(client.incomingPhoneNumbers.create({ phoneNumber: taken.phoneNumber })).rejects.toMatchObject(
      refused(400, 21_422),
    );
    await expect(client.incomingPhoneNumbers.create({ areaCode: '212' })).rejects.toMatchObject(refused(400, 21_452));
    const phoneNumber = '+18005550199';
    await world.rest.store.pool.add([{ ...plain, number: phoneNumber, locality: null, type: 'toll-free' }]);
    const { incomingPhoneNumbers } = client;
    await expect(incomingPhoneNumbers.local.create({ phoneNumber })).rejects.toMatchObject(refused(400, 21_452));
    await incomingPhoneNumbers.tollFree.create({ phoneNumber });
    expect(await incomingPhoneNumbers.tollFree.list()).toMatchObject([{ phoneNumber }]);
    expect(await incomingPhoneNumbers.mobile.list()).toEqual([]);
    expect(await incomingPhoneNumbers.local.list()).toMatchObject([{ phoneNumber: taken.phoneNumber }]);
    expect(await client.incomingPhoneNumbers(taken.sid).remove()).toBe(true);
    expect(await numbers({ areaCode: 510 })).toHaveLength(2);
    await expect(client.availablePhoneNumbers('FR').fetch()).rejects.toMatchObject(refused(404, 20_404));
  });

  it('tokens have credentials that a TURN server checks by itself', async () => {
    const token = await client.tokens.create({ ttl: 600 });
    const expires = Math.floor(world.rest.clock.now() / 1000) + 600;
    expect(token.username).toBe(`${expires}:${world.rest.account.sid}`);
    expect(token.password).toBe(createHmac('sha1', 'shared').update(token.username).digest('base64'));
    expect(token.ttl).toBe('600');
    expect(token.iceServers).toEqual([
      { url: 'stun:turn.example.com', urls: 'stun:turn.example.com', username: undefined, credential: undefined },
      expect.objectContaining({ urls: 'turn:turn.example.com?transport=udp', credential: token.password }),
    ]);
    await expect(client.tokens.create({ ttl: 86_401 })).rejects.toMatchObject(refused(400, 20_001));
  });

  it('CR-6 an application, a number, a SIP domain and a trunk as they were', async () => {
    const { rest } = world;
    const { sid } = await client.applications.create({ friendlyName: 'one', voiceUrl: 'https://app.test/1' });
    rest.tick();
    await client.applications(sid).update({ friendlyName: 'two' });
    rest.tick();
    await client.applications(sid).update({ voiceUrl: 'https://app.test/3' });
    const at = async (version: number): Promise<unknown> =>
      (await rest.request('GET', `Applications/${sid}.json?version=${version}`)).json();
    expect(await at(1)).toMatchObject({ friendly_name: 'one', voice_url: 'https://app.test/1' });
    expect(await at(2)).toMatchObject({ friendly_name: 'two', voice_url: 'https://app.test/1' });
    expect(await at(3)).toMatchObject({ friendly_name: 'two', voice_url: 'https://app.test/3' });
    expect(await at(4)).toMatchObject({ status: 404, code: 20_404 });
    const versions = `/v1/accounts/${rest.account.sid}/versions/`;
    const { versions: all } = (await rest.request('GET', `${versions}${sid}`)).json<{ versions: unknown[] }>();
    expect(all).toMatchObject([
      { version: 1, state: { name: 'one' } },
      { version: 2, changes: { name: 'two' } },
      { version: 3, changes: { voiceUrl: 'https://app.test/3' }, state: { name: 'two' } },
    ]);
    expect(all[1]).toHaveProperty('changes', { name: 'two' });
    const trunk = await rest.store.addTrunk(rest.account.sid, {
      name: 'carrier',
      inboundUsername: 'us',
      inboundSecret: 'secret of ours',
    });
    await rest.store.updateTrunk(trunk.sid, { inboundSecret: 'another secret', channels: 3 });
    const shown = await rest.request('GET', `${versions}${trunk.sid}?version=2`);
    expect(shown.json()).toMatchObject({ versions: [{ changes: { inboundSecret: '(secret)', channels: 3 } }] });
    const other = await rest.newAccount('Curious');
    expect((await rest.request('GET', `/v1/accounts/${other.sid}/versions/${sid}`, { as: other })).statusCode).toBe(
      404,
    );
  });

  it('addresses of a call in progress change, and are taken away', async () => {
    const { callControl } = world.rest;
    callControl.reply = { ok: true };
    const of = { accountSid: world.rest.account.sid, callSid: world.call.sid, hint: 'n1' };
    callControl.asked.splice(0);
    await client.calls(world.call.sid).update({
      fallbackUrl: 'https://app.test/fallback',
      statusCallback: 'https://app.test/status',
      statusCallbackMethod: 'GET',
    });
    await client.calls(world.call.sid).update({ fallbackUrl: '' });
    expect(callControl.asked).toEqual([
      {
        ...of,
        kind: 'settings',
        fallback: { url: 'https://app.test/fallback', method: 'POST' },
        statusCallback: { url: 'https://app.test/status', method: 'GET', events: ['completed'] },
      },
      { ...of, kind: 'settings', fallback: null },
    ]);
    // Whoever reports the end, should the node of the call die, goes by the record.
    const { accountSid, callSid } = of;
    const recorded = async () => (await world.records.calls.get(accountSid, callSid))?.statusCallback;
    expect(await recorded()).toEqual({ url: 'https://app.test/status', method: 'GET', events: ['completed'] });
    const history = await world.rest.request('GET', `/v1/accounts/${accountSid}/calls/${callSid}/versions`);
    expect(history.json<{ versions: unknown[] }>().versions.at(-1)).toMatchObject({
      source: 'request',
      changes: { statusCallback: { url: 'https://app.test/status' } },
    });
    await client.calls(callSid).update({ statusCallback: '' });
    expect(await recorded()).toMatchObject({ events: [] });
  });

  it('something is played into a call in progress, and stopped', async () => {
    const { rest, call } = world;
    const path = `/v1/accounts/${rest.account.sid}/calls/${call.sid}/announcements`;
    rest.callControl.reply = { ok: true, announcementSid: 'AN1' };
    rest.callControl.asked.splice(0);
    const said = await rest.request('POST', path, { json: { say: 'Hello', language: 'en-GB', to: 'both' } });
    expect([said.statusCode, said.json()]).toEqual([202, { announcementSid: 'AN1', callSid: call.sid }]);
    await rest.request('POST', path, { json: { url: 'https://app.test/a.wav', loop: 0 } });
    expect((await rest.request('DELETE', `${path}/AN1`)).statusCode).toBe(204);
    expect((await rest.request('DELETE', path)).statusCode).toBe(204);
    expect(rest.callControl.asked).toMatchObject([
      { kind: 'announce', prompt: { kind: 'say', text: 'Hello', language: 'en-GB' }, to: 'both', loop: 1 },
      { kind: 'announce', prompt: { kind: 'fetch', url: 'https://app.test/a.wav' }, to: 'leg', loop: 0 },
      { kind: 'stop-announcement', announcementSid: 'AN1' },
      { kind: 'stop-announcement' },
    ]);
    expect((await rest.request('POST', path, { json: { url: 'file:///etc/passwd' } })).statusCode).toBe(400);
    rest.callControl.reply = { ok: false, reason: 'not-answered' };
    expect((await rest.request('POST', path, { json: { say: 'x' } })).json()).toMatchObject({ code: 21_220 });
  });

  it('CR-5 a conference is recorded by REST; the recording is shown once it goes on', async () => {
    const { rest } = world;
    const recordingSid = await world.recorded({ ofConference: true });
    const conference = { conferenceSid: CONFERENCE, friendlyName: 'standup', status: 'in-progress' as const };
    rest.conferences.reply = { ok: true, conference: { ...conference, createdAt: 0, participants: [] }, recordingSid };
    const form = 'RecordingStatusCallback=https%3A%2F%2Fapp.test%2Fr&Trim=trim-silence';
    const made = await rest.request('POST', `Conferences/${CONFERENCE}/Recordings.json`, { form });
    expect([made.statusCode, made.json()]).toMatchObject([201, { sid: recordingSid, conference_sid: CONFERENCE }]);
    expect(rest.conferences.asked.at(-1)).toMatchObject({
      do: 'start-recording',
      trim: true,
      callback: { url: 'https://app.test/r', method: 'POST', events: ['completed'] },
    });
    const one = client.conferences(CONFERENCE).recordings(recordingSid);
    expect(await one.update({ status: 'paused', pauseBehavior: 'skip' })).toMatchObject({ status: 'paused' });
    expect(rest.conferences.asked.at(-1)).toMatchObject({ do: 'recording', recordingSid, change: 'pause-skip' });
    rest.conferences.reply = { ok: false, reason: 'no-such-recording' };
    await expect(one.update({ status: 'stopped' })).rejects.toMatchObject({ status: 404 });
  });
});
