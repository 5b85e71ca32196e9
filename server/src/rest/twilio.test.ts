import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Twilio } from 'twilio';
import { RestWorld } from './testing/rest-world.ts';

describe('CR-4 the official helper library, but for its base URL', () => {
  let world: RestWorld;
  let client: Twilio;
  const clientFor = (user: string, password: string, accountSid: string): Twilio => {
    const made = new Twilio(user, password, { accountSid, autoRetry: false });
    made.api.baseUrl = `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`;
    return made;
  };
  beforeAll(async () => {
    world = await RestWorld.open();
    await world.app.listen({ host: '127.0.0.1', port: 0 });
    client = clientFor(world.account.sid, world.account.authToken, world.account.sid);
  });
  afterAll(() => world.app.close());

  it('accounts: create, list, fetch, update; a new account is used at once', async () => {
    const made = await client.api.v2010.accounts.create({ friendlyName: 'Tenant' });
    expect(made).toMatchObject({ friendlyName: 'Tenant', status: 'active', ownerAccountSid: world.account.sid });
    const tenant = clientFor(made.sid, made.authToken, made.sid);
    expect((await tenant.api.v2010.account.fetch()).sid).toBe(made.sid);
    expect((await client.api.v2010.accounts.list()).map(({ sid }) => sid).sort()).toEqual(
      [made.sid, world.account.sid].sort(),
    );
    expect((await client.api.v2010.accounts.list({ friendlyName: 'Tenant' })).map(({ sid }) => sid)).toEqual([
      made.sid,
    ]);
    expect((await client.api.v2010.accounts(made.sid).update({ status: 'suspended' })).status).toBe('suspended');
    await expect(tenant.applications.list()).rejects.toMatchObject({ status: 403, code: 20005 });
    await client.api.v2010.accounts(made.sid).update({ status: 'active', friendlyName: 'Back' });
    expect((await client.api.v2010.accounts(made.sid).fetch()).friendlyName).toBe('Back');
    expect(await tenant.applications.list()).toEqual([]);
  });

  it('keys: the secret once, and then it opens the account', async () => {
    const made = await client.newKeys.create({ friendlyName: 'ci' });
    expect(made.secret.length).toBeGreaterThan(30);
    const byKey = clientFor(made.sid, made.secret, world.account.sid);
    expect((await byKey.applications.create({ friendlyName: 'by key' })).accountSid).toBe(world.account.sid);
    expect((await client.keys(made.sid).fetch()).friendlyName).toBe('ci');
    expect(await client.keys(made.sid).fetch()).not.toHaveProperty('secret');
    expect((await client.keys(made.sid).update({ friendlyName: 'renamed' })).friendlyName).toBe('renamed');
    expect((await client.keys.list()).map(({ sid }) => sid)).toContain(made.sid);
    expect((await client.signingKeys.list()).map(({ sid }) => sid)).toContain(made.sid);
    expect(await client.keys(made.sid).remove()).toBe(true);
    await expect(byKey.applications.list()).rejects.toMatchObject({ status: 401, code: 20003 });
  });

  it('applications: create, list over pages, fetch, update, remove', async () => {
    const made = [];
    for (let i = 0; i < 7; i += 1) {
      world.tick();
      made.push(await client.applications.create({ friendlyName: `app ${i % 2}`, voiceUrl: 'https://example.com/v' }));
    }
    const wanted = made.map(({ sid }) => sid).reverse();
    const listed = await client.applications.list({ pageSize: 3 });
    expect(listed.map(({ sid }) => sid).slice(0, 7)).toEqual(wanted);
    expect((await client.applications.list({ friendlyName: 'app 1', pageSize: 2 })).length).toBe(3);
    expect((await client.applications.list({ limit: 2 })).map(({ sid }) => sid)).toEqual(wanted.slice(0, 2));
    const first = await client.applications.page({ pageSize: 2 });
    const second = await first.nextPage();
    expect((await second?.previousPage())?.instances.map(({ sid }) => sid)).toEqual(wanted.slice(0, 2));

    const [one] = made;
    const updated = await client
      .applications(one?.sid ?? '')
      .update({ voiceMethod: 'GET', statusCallback: 'https://example.com/s' });
    expect(updated).toMatchObject({ voiceMethod: 'GET', voiceUrl: 'https://example.com/v', friendlyName: 'app 0' });
    const fetched = await client.applications(one?.sid ?? '').fetch();
    expect(fetched.dateCreated).toEqual(one?.dateCreated);
    expect(fetched.dateCreated).toBeInstanceOf(Date);
    expect(fetched).toMatchObject({ apiVersion: '2010-04-01', statusCallback: 'https://example.com/s' });
    for (const { sid } of made) expect(await client.applications(sid).remove()).toBe(true);
    await expect(client.applications(one?.sid ?? '').fetch()).rejects.toMatchObject({ status: 404, code: 20404 });
  });

  it('numbers: declared, given an application, found by a part, given up', async () => {
    const application = await client.applications.create({ friendlyName: 'ivr', voiceUrl: 'https://example.com/ivr' });
    const made = await client.incomingPhoneNumbers.create({
      phoneNumber: '+49 (30) 555-0100',
      voiceUrl: 'https://example.com/own',
    });
    expect(made).toMatchObject({ phoneNumber: '+49305550100', friendlyName: '+49305550100', voiceMethod: 'POST' });
    expect(made.capabilities).toMatchObject({ voice: true, sms: false });
    expect(world.directory.application(made.sid)?.voiceUrl).toBe('https://example.com/own');
    const number = client.incomingPhoneNumbers(made.sid);
    expect((await number.update({ voiceApplicationSid: application.sid })).voiceApplicationSid).toBe(application.sid);
    expect(world.directory.numberByE164('+49305550100')?.applicationSid).toBe(application.sid);
    await expect(client.applications(application.sid).remove()).rejects.toMatchObject({ status: 409 });
    expect((await number.update({ voiceApplicationSid: '', friendlyName: 'desk' })).voiceApplicationSid).toBeNull();
    expect((await number.fetch()).voiceUrl).toBe('https://example.com/own');
    expect((await client.incomingPhoneNumbers.list({ phoneNumber: '305***100' })).length).toBe(1);
    expect((await client.incomingPhoneNumbers.list({ phoneNumber: '999' })).length).toBe(0);
    await expect(client.incomingPhoneNumbers.create({ phoneNumber: '+49305550100' })).rejects.toMatchObject({
      status: 400,
      code: 21422,
    });
    expect(await number.remove()).toBe(true);
    await expect(number.fetch()).rejects.toMatchObject({ status: 404 });
  });

  it('EV-7 messages of a call: subscribe, send, unsubscribe, and what is refused', async () => {
    const callSid = `CA${'1'.repeat(32)}`;
    const [message, subscription] = [`KX${'2'.repeat(32)}`, `ZY${'3'.repeat(32)}`];
    const at = Date.UTC(2030, 0, 1);
    world.calls.reply = ({ kind }) => ({ ok: true, sid: kind === 'send' ? message : subscription, at });
    const call = client.calls(callSid);
    const made = await call.userDefinedMessageSubscriptions.create({
      callback: 'https://example.com/messages',
      method: 'GET',
      idempotencyKey: 'k1',
    });
    const uri = `/2010-04-01/Accounts/${world.account.sid}/Calls/${callSid}/UserDefinedMessageSubscriptions/${made.sid}.json`;
    expect(made).toMatchObject({ sid: subscription, callSid, accountSid: world.account.sid, uri });
    expect(made.dateCreated).toEqual(new Date(at));
    expect(await call.userDefinedMessageSubscriptions(made.sid).remove()).toBe(true);
    const sent = await call.userDefinedMessages.create({ content: JSON.stringify({ order: 17 }) });
    expect(sent).toMatchObject({ sid: message, callSid, accountSid: world.account.sid });
    const of = { accountSid: world.account.sid, callSid };
    expect(world.calls.asked.splice(0)).toEqual([
      { ...of, kind: 'subscribe', url: 'https://example.com/messages', method: 'GET', idempotencyKey: 'k1' },
      { ...of, kind: 'unsubscribe', sid: subscription },
      { ...of, kind: 'send', content: { order: 17 } },
    ]);

    const refused = (status: number, code: number): object => ({ status, code });
    const send = (content: string): Promise<unknown> => call.userDefinedMessages.create({ content });
    await expect(send('{')).rejects.toMatchObject(refused(400, 20001));
    await expect(send(JSON.stringify('x'.repeat(9_999)))).rejects.toMatchObject(refused(413, 20413));
    await expect(call.userDefinedMessageSubscriptions.create({ callback: 'app' })).rejects.toMatchObject(
      refused(400, 21205),
    );
    expect(world.calls.asked).toEqual([]);
    for (const [reason, status, code] of [
      ['no-such-call', 404, 20404],
      ['no-client', 409, 20409],
      ['limit', 429, 20429],
      ['unavailable', 503, 20503],
    ] as const) {
      world.calls.reply = () => ({ ok: false, reason });
      await expect(send('1'), reason).rejects.toMatchObject(refused(status, code));
    }
  });
});
