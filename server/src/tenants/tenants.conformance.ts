import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../kernel/index.ts';
import { eventually } from '../bus/testing/eventually.ts';
import type { Directory, RecordPosition, RecordQuery, TenantMirror, TenantRepository } from './ports.ts';
import { SecretBox } from './secret-box.ts';
import { DEFAULT_ACCOUNT_LIMITS, effectiveLimits } from './account-limits.ts';
import { seedFirstAccount } from './seed.ts';
import { TenantStore } from './store.ts';

/** What a repository, its mirror and the directory fed by it promise together. */
export interface TenantHarness {
  readonly repository: TenantRepository;
  readonly mirror: TenantMirror;
  readonly directory: Directory;
  close(): Promise<void>;
}

export function tenantConformance(name: string, open: (secrets: SecretBox) => Promise<TenantHarness>): void {
  describe(`tenants: ${name}`, () => {
    const secrets = new SecretBox(new Uint8Array(32).fill(7), systemRandom);
    let harness: TenantHarness;
    let store: TenantStore;
    beforeAll(async () => {
      harness = await open(secrets);
      store = new TenantStore({ ...harness, secrets, clock: systemClock, random: systemRandom });
    });
    afterAll(() => harness.close());

    it('starts empty and seeds the first account once', async () => {
      const { directory } = harness;
      await directory.ready;
      const first = await seedFirstAccount(store, { voiceUrl: 'http://127.0.0.1:3000/voice' });
      expect(first.created).toBe(true);
      expect(first.phoneDomain).toBe('phones.hookswitch.internal');
      await eventually(() => {
        expect(directory.authToken(first.account.sid)).toBe(first.authToken);
        expect(directory.trunkBySourceIp('127.0.0.1')?.sid).toBe(first.trunkSid);
      });
      expect(directory.accountBySid(first.account.sid)).toMatchObject({ status: 'active' });
      expect(directory.apiKey(first.key.sid)).toEqual({
        sid: first.key.sid,
        secret: first.key.secret,
        accountSid: first.account.sid,
        accountActive: true,
      });
      const number = directory.numberByE164('+15550100');
      expect(number).toMatchObject({ accountSid: first.account.sid, applicationSid: first.applicationSid });
      expect(directory.application(number?.applicationSid ?? '')?.voiceUrl).toBe('http://127.0.0.1:3000/voice');
      expect(directory.trunkBySourceIp('::1')?.sid).toBe(first.trunkSid);
      expect(directory.trunkBySourceIp('::ffff:127.8.8.8')?.sid).toBe(first.trunkSid);

      const again = await seedFirstAccount(store, {
        voiceUrl: 'http://127.0.0.1:4000/voice',
        allow: ['127.0.0.0/8', '192.0.2.0/24'],
        outbound: { host: '127.0.0.1', port: 5070 },
      });
      expect(again).toMatchObject({
        created: false,
        authToken: first.authToken,
        key: first.key,
        numbers: ['+15550100'],
      });
      expect(again.applicationSid).toBe(first.applicationSid);
      await eventually(() => {
        expect(directory.application(first.applicationSid ?? '')?.voiceUrl).toBe('http://127.0.0.1:4000/voice');
        expect(directory.trunk(first.trunkSid ?? '')).toMatchObject({
          allow: ['127.0.0.0/8', '192.0.2.0/24'],
          gateways: [{ host: '127.0.0.1', port: 5070 }],
        });
      });
      expect(await store.accounts()).toHaveLength(1);

      const made = { allow: ['127.0.0.0/8'], outbound: { host: '127.0.0.1', port: 5080 }, keepTrunk: true };
      const { trunkSid = '' } = await seedFirstAccount(store, made);
      const trunk = (await store.trunks()).find(({ sid }) => sid === trunkSid);
      expect(trunk?.allow, 'a process that was made by another leaves the trunk as it is').toContain('192.0.2.0/24');
    });

    it('refuses what does not fit, with a message that says what', async () => {
      const { account } = await store.createAccount('A');
      const invalid: [() => Promise<unknown>, RegExp][] = [
        [() => store.createAccount(' '), /name/],
        [() => store.addNumber(account.sid, { number: '5550100' }), /number\.number: expected an E\.164 number/],
        [() => store.createApplication(account.sid, { name: 'x', voiceUrl: 'ftp://x/' }), /application\.voiceUrl/],
        [
          () => store.addTrunk(account.sid, { name: 't', allow: ['10.0.0.0/33'] }),
          /trunk\.allow\.0: expected an address range/,
        ],
        [
          () => store.addTrunk(account.sid, { name: 't', settings: { gateways: [{ host: 'a b' }] } }),
          /trunk\.settings\.gateways\.0\.host: expected a host name/,
        ],
        [() => store.addTrunk(account.sid, { name: 't', inboundUsername: 'u' }), /inbound user and secret together/],
        [
          () => store.addTrunk(account.sid, { name: 't', settings: { register: { user: 'u' } } }),
          /needs a registrar or a gateway/,
        ],
        [
          () => store.addTrunk(account.sid, { name: 't', settings: { sessionTimer: { expiresS: 90, minSeS: 120 } } }),
          /minSeS/,
        ],
        [() => store.updateTrunk('TK' + '0'.repeat(32), { name: 'y' }), /there is no trunk/],
        [() => store.addTrunk(account.sid, { name: 't', digestUsername: 'u' }), /user and secret together/],
        [() => store.updateApplication('AP' + '0'.repeat(32), { name: 'y' }), /there is no application/],
        [() => store.createKey('AC' + '0'.repeat(32), 'k'), /there is no account AC0/],
        [() => store.addNumber('AC' + '0'.repeat(32), { number: '+4930123' }), /there is no account AC0/],
        [() => store.deleteKey('SK' + '0'.repeat(32)), /there is no apiKey/],
      ];
      for (const [attempt, message] of invalid) await expect(attempt()).rejects.toThrow(message);
      await store.addNumber(account.sid, { number: '+4930111' });
      await expect(store.addNumber(account.sid, { number: '+4930111' })).rejects.toMatchObject({ reason: 'exists' });
    });

    it('EV-4 a public key is found by account and kid, once each, until it is deleted', async () => {
      const { directory } = harness;
      const { account } = await store.createAccount('P');
      const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
      const key = await store.publicKeys.add(account.sid, { ...jwk, kid: 'k 1' }, 'backend');
      await expect(store.publicKeys.add(account.sid, { ...jwk, kid: 'k 1' })).rejects.toMatchObject({
        reason: 'exists',
      });
      await eventually(() => {
        expect(directory.publicKeyByKid(account.sid, 'k 1')?.sid).toBe(key.sid);
      });
      expect(directory.publicKeyBySid(key.sid)?.key.export({ format: 'jwk' })).toMatchObject(jwk);
      expect(await store.page('publicKey', { accountSid: account.sid, limit: 10 })).toEqual([key]);
      await store.publicKeys.remove(key.sid);
      await eventually(() => {
        expect(directory.publicKeyByKid(account.sid, 'k 1')).toBeUndefined();
        expect(directory.publicKeyBySid(key.sid)).toBeUndefined();
      });
    });

    it('EV-9 an account`s own limits are kept, and known to the directory; the others are the defaults', async () => {
      const { directory } = harness;
      const { account } = await store.createAccount('Limited');
      expect((await store.record('account', account.sid))?.limits).toEqual({});
      await store.setAccountLimits(account.sid, { connections: 3, retentionSeconds: 60 });
      await store.setAccountLimits(account.sid, { connections: 5 });
      await eventually(() => {
        expect(directory.accountBySid(account.sid)?.limits).toEqual({ connections: 5 });
      });
      const limits = effectiveLimits(directory.accountBySid(account.sid)?.limits);
      expect(limits).toEqual({ ...DEFAULT_ACCOUNT_LIMITS, connections: 5 });
      expect(effectiveLimits(undefined)).toBe(DEFAULT_ACCOUNT_LIMITS);
      await expect(store.setAccountLimits(account.sid, { connections: -1 })).rejects.toThrow(/limits.connections/);
      await expect(store.setAccountLimits(account.sid, { conections: 1 } as object)).rejects.toThrow(/conections/);
    });

    it('EV-4 a suspended account and a deleted key are seen by the directory', async () => {
      const { directory } = harness;
      const { account } = await store.createAccount('B');
      const { key } = await store.createKey(account.sid, 'first');
      await eventually(() => {
        expect(directory.apiKey(key.sid)?.accountActive).toBe(true);
      });
      await store.setAccountStatus(account.sid, 'suspended');
      await eventually(() => {
        expect(directory.apiKey(key.sid)?.accountActive).toBe(false);
      });
      await store.deleteKey(key.sid);
      await eventually(() => {
        expect(directory.apiKey(key.sid)).toBeUndefined();
      });
      expect(await store.keys(account.sid)).toEqual([]);
    });

    it('MT-6 a trunk of an account that shares it is there for the accounts below it, with what they are promised', async () => {
      const { directory } = harness;
      const [owner, other] = [await store.createAccount('Owner'), await store.createAccount('Other')];
      const below = await store.createAccount('Below', owner.account.sid);
      const { sid } = await store.addTrunk(owner.account.sid, {
        name: 'shared',
        allow: ['192.0.2.64/28'],
        channels: 10,
      });
      const usable = (accountSid: string): string[] => directory.trunks(accountSid).map((trunk) => trunk.sid);
      await eventually(() => {
        expect(usable(owner.account.sid)).toEqual([sid]);
      });
      expect(usable(below.account.sid)).toEqual([]);
      const shares = [{ accountSid: below.account.sid, reserved: 4, most: 6 }];
      const tooMany = { shares, keptForCallers: 7 };
      await expect(store.updateTrunk(sid, { settings: tooMany })).rejects.toThrow('11 channels are reserved');
      await store.updateTrunk(sid, { settings: { sharing: 'subaccounts', shares, keptForCallers: 2 } });
      await expect(store.updateTrunk(sid, { settings: { channelsOut: 3 } })).rejects.toThrow('places 3 at a time');
      await expect(store.updateTrunk(sid, { channels: null })).rejects.toThrow('set channels too');
      const own = await store.addTrunk(below.account.sid, { name: 'own', allow: ['192.0.2.80/28'] });
      await eventually(() => {
        expect(usable(below.account.sid)).toEqual([own.sid, sid]);
      });
      expect(usable(other.account.sid)).toEqual([]);
      expect(directory.trunk(sid)?.channels).toEqual({
        total: 10,
        keptForCallers: 2,
        shares: { [below.account.sid]: { reserved: 4, most: 6 } },
      });
    });

    it('the closest range decides whose trunk an address is', async () => {
      const { directory } = harness;
      const [one, two] = [await store.createAccount('C'), await store.createAccount('D')];
      const wide = await store.addTrunk(one.account.sid, { name: 'wide', allow: ['198.51.100.0/24', '2001:db8::/32'] });
      const narrow = await store.addTrunk(two.account.sid, {
        name: 'narrow',
        allow: ['198.51.100.16/28'],
        settings: { gateways: [{ host: 'sip.example.com', port: 5060 }], numbers: { countryCode: '49' } },
        inboundUsername: 'carrier',
        inboundSecret: 'its own',
        digestUsername: 'user',
        digestSecret: 'Geheim ☎',
        codecs: ['PCMA'],
        channels: 30,
      });
      await eventually(() => {
        expect(directory.trunks(two.account.sid)).toHaveLength(1);
        expect(directory.trunks(one.account.sid)).toHaveLength(1);
      });
      expect(directory.trunksBySourceIp('198.51.100.17').map((trunk) => trunk.sid)).toEqual([narrow.sid, wide.sid]);
      expect(directory.trunkBySourceIp('198.51.100.1')?.sid).toBe(wide.sid);
      expect(directory.trunkBySourceIp('2001:db8::5')?.sid).toBe(wide.sid);
      for (const ip of ['203.0.113.1', '', 'localhost', '198.51.100', '2001:db9::1']) {
        expect(directory.trunkBySourceIp(ip), ip).toBeUndefined();
      }
      expect(directory.trunk(narrow.sid)).toEqual({
        sid: narrow.sid,
        accountSid: two.account.sid,
        name: 'narrow',
        allow: ['198.51.100.16/28'],
        inbound: { username: 'carrier', secret: 'its own' },
        gateways: [{ host: 'sip.example.com', port: 5060, transport: 'udp', priority: 0, weight: 100 }],
        prefixes: [],
        priority: 0,
        cost: 0,
        digest: { username: 'user', secret: 'Geheim ☎' },
        codecs: ['PCMA'],
        sharing: 'own',
        channels: { total: 30 },
        srtp: 'off',
        optionsIntervalS: 0,
        numbers: { countryCode: '49', nationalPrefix: null, internationalPrefix: '00', out: 'e164', rules: [] },
        identity: {
          caller: 'from',
          trusted: false,
          fromUser: null,
          fromDomain: null,
          toDomain: null,
          diversion: false,
        },
        register: undefined,
        reliableProvisional: 'supported',
        sessionTimer: undefined,
        transfers: 'refuse',
      });
      expect(directory.trunksByInboundUser('carrier').map((trunk) => trunk.sid)).toEqual([narrow.sid]);

      await store.updateTrunk(narrow.sid, { channels: null, settings: { srtp: 'required', channelsOut: 3 } });
      await eventually(() => {
        expect(directory.trunk(narrow.sid)).toMatchObject({
          srtp: 'required',
          channels: { out: 3 },
          digest: { username: 'user', secret: 'Geheim ☎' },
          gateways: [{ host: 'sip.example.com' }],
          numbers: { countryCode: '49' },
        });
      });
      const stored = JSON.stringify(await harness.repository.get('trunk', narrow.sid));
      expect(stored).not.toMatch(/Geheim|its own/);
      await store.deleteTrunk(narrow.sid);
      await eventually(() => {
        expect(directory.trunksBySourceIp('198.51.100.17').map((trunk) => trunk.sid)).toEqual([wide.sid]);
      });
    });

    it('SIP domains and users: found by name, unique, removed in order', async () => {
      const { directory } = harness;
      const [one, two] = [await store.createAccount('P1'), await store.createAccount('P2')];
      const application = await store.createApplication(one.account.sid, {
        name: 'a',
        voiceUrl: 'https://example.com/',
      });
      const domain = await store.phones.addDomain(one.account.sid, {
        domain: 'Phones.Example.com',
        applicationSid: application.sid,
      });
      const { user, password } = await store.phones.addUser(domain.sid, {
        username: 'alice',
        callerNumber: '+4930123',
      });
      const given = await store.phones.addUser(domain.sid, { username: 'Alice', password: 'long enough' });
      await eventually(() => {
        expect(directory.phones.user(domain.sid, 'Alice')?.password).toBe('long enough');
      });
      expect(directory.phones.domain('PHONES.example.COM')).toEqual({
        sid: domain.sid,
        accountSid: one.account.sid,
        domain: 'phones.example.com',
        applicationSid: application.sid,
        registration: true,
      });
      expect(directory.phones.user(domain.sid, 'alice')).toEqual({
        sid: user.sid,
        domainSid: domain.sid,
        username: 'alice',
        password,
        callerNumber: '+4930123',
      });
      expect(password).toHaveLength(20);
      expect(store.phones.password(user)).toBe(password);
      expect(JSON.stringify(user)).not.toContain(password);
      const invalid: [() => Promise<unknown>, RegExp][] = [
        [() => store.phones.addDomain(two.account.sid, { domain: 'PHONES.example.com' }), /exists already/],
        [() => store.phones.addDomain(two.account.sid, { domain: 'a b' }), /expected a domain name/],
        [() => store.phones.addUser(domain.sid, { username: 'alice' }), /alice exists already/],
        [() => store.phones.addUser(domain.sid, { username: 'a b' }), /as in a SIP URI/],
        [() => store.phones.addUser(domain.sid, { username: 'bob', password: 'short' }), /at least 8/],
        [() => store.phones.addUser('SD' + '0'.repeat(32), { username: 'bob' }), /there is no sipDomain/],
        [() => store.phones.removeDomain(domain.sid), /still used/],
        [() => harness.repository.remove('application', application.sid), /still used/],
      ];
      for (const [attempt, message] of invalid) await expect(attempt()).rejects.toThrow(message);
      expect((await store.phones.users(domain.sid)).map(({ sid }) => sid).sort()).toEqual(
        [user.sid, given.user.sid].sort(),
      );
      await store.phones.removeUser(user.sid);
      await store.phones.removeUser(given.user.sid);
      await store.phones.removeDomain(domain.sid);
      await eventually(() => {
        expect(directory.phones.domain('phones.example.com')).toBeUndefined();
        expect(directory.phones.user(domain.sid, 'alice')).toBeUndefined();
      });
    });

    it('stores no secret in clear', async () => {
      const { account, authToken } = await store.createAccount('E');
      const { key, secret } = await store.createKey(account.sid, 'k');
      const stored = JSON.stringify([
        await harness.repository.get('account', account.sid),
        await harness.repository.get('apiKey', key.sid),
      ]);
      expect(stored).not.toContain(authToken);
      expect(stored).not.toContain(secret);
      expect(await store.credentials(account.sid)).toEqual({ authToken, key: { sid: key.sid, secret } });
    });

    it('pages are newest first, go both ways, and know filters', async () => {
      const { account } = await store.createAccount('Pages');
      const other = await store.createAccount('Owned', account.sid);
      expect(other.account.ownerSid).toBe(account.sid);
      const made = [];
      for (const [i, name] of ['a', 'b', 'a', 'b', 'a'].entries())
        made.push(await store.addNumber(account.sid, { number: `+4999_${i}`.replace('_', '0'), name }));
      const newest = made
        .sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.sid.localeCompare(a.sid))
        .map(({ sid }) => sid);
      const page = async (query: Partial<RecordQuery>): Promise<string[]> =>
        (await store.page('number', { accountSid: account.sid, limit: 2, ...query })).map(({ sid }) => sid);
      const at = async (sid = ''): Promise<RecordPosition> => {
        const found = await store.record('number', sid);
        return { createdAt: found?.createdAt ?? '', sid };
      };
      expect(await page({})).toEqual(newest.slice(0, 2));
      expect(await page({ after: await at(newest[1]) })).toEqual(newest.slice(2, 4));
      expect(await page({ after: await at(newest[3]) })).toEqual(newest.slice(4));
      expect(await page({ before: await at(newest[4]) })).toEqual(newest.slice(2, 4));
      expect(await page({ before: await at(newest[0]) })).toEqual([]);
      expect((await page({ name: 'b', limit: 50 })).length).toBe(2);
      expect(await page({ name: "b' OR '1'='1", limit: 50 })).toEqual([]);
      expect((await page({ numberLike: '+49990*', limit: 50 })).length).toBe(5);
      expect((await page({ numberLike: '903', limit: 50 })).length).toBe(1);
      for (const numberLike of ['%', '_', '\\', '+49990_', '(']) expect(await page({ numberLike })).toEqual([]);
      const pooled = { country: 'DE', locality: null, region: null, type: 'toll-free' } as const;
      await store.pool.add([{ number: '+499901', ...pooled }]);
      expect((await page({ numberType: 'toll-free', limit: 50 })).length).toBe(1);
      expect((await page({ numberType: 'local', limit: 50 })).length).toBe(4);
      expect(await page({ numberType: 'mobile', limit: 50 })).toEqual([]);
      await store.pool.remove('+499901');
      expect(await page({ accountSid: other.account.sid })).toEqual([]);
      const accounts = await store.page('account', { accountSid: account.sid, limit: 50 });
      expect(new Set(accounts.map(({ sid }) => sid))).toEqual(new Set([account.sid, other.account.sid]));
      await store.updateAccount(other.account.sid, { name: 'Renamed', status: 'suspended' });
      const suspended = await store.page('account', { accountSid: account.sid, limit: 50, status: 'suspended' });
      expect(suspended.map(({ name, ownerSid }) => [name, ownerSid])).toEqual([['Renamed', account.sid]]);
    });

    it('CR-4 a number with addresses of its own is its own application, until it is given one', async () => {
      const { directory } = harness;
      const { account } = await store.createAccount('Own voice');
      const application = await store.createApplication(account.sid, { name: 'app', voiceUrl: '' });
      const voice = {
        voiceUrl: 'https://example.com/voice',
        voiceMethod: 'GET',
        voiceFallbackUrl: null,
        voiceFallbackMethod: 'POST',
        statusCallback: null,
        statusCallbackMethod: 'POST',
      } as const;
      const { sid, number } = await store.addNumber(account.sid, { number: '+4930777', voice });
      await eventually(() => {
        expect(directory.numberByE164(number)?.applicationSid).toBe(sid);
        expect(directory.application(sid)).toMatchObject({ accountSid: account.sid, voiceUrl: voice.voiceUrl });
      });
      await store.updateNumber(sid, { applicationSid: application.sid });
      await eventually(() => {
        expect(directory.numberByE164(number)?.applicationSid).toBe(application.sid);
        expect(directory.application(sid)).toBeUndefined();
      });
      await store.updateNumber(sid, { applicationSid: null });
      expect((await store.record('number', sid))?.voice).toEqual(voice);
      await store.deleteApplication(application.sid);
      await store.removeNumber(sid);
      await eventually(() => {
        expect(directory.numberByE164(number)).toBeUndefined();
        expect(directory.application(sid)).toBeUndefined();
      });
    });

    it('every write has a higher revision, lists are oldest first and by account', async () => {
      const { account } = await store.createAccount('F');
      const first = await store.createApplication(account.sid, { name: 'one', voiceUrl: 'https://example.com/1' });
      const second = await store.createApplication(account.sid, { name: 'two', voiceUrl: 'https://example.com/2' });
      const changed = await store.updateApplication(first.sid, { statusCallback: 'https://example.com/s' });
      expect(second.revision).toBeGreaterThan(first.revision);
      expect(changed.revision).toBeGreaterThan(second.revision);
      expect(changed).toMatchObject({ name: 'one', voiceMethod: 'POST', statusCallback: 'https://example.com/s' });
      expect(new Set((await store.applications(account.sid)).map((a) => a.sid))).toEqual(
        new Set([first.sid, second.sid]),
      );
      expect(await harness.repository.get('application', first.sid)).toEqual(changed);
      expect(await harness.repository.get('number', first.sid)).toBeUndefined();
      const number = await store.addNumber(account.sid, { number: '+4930222', applicationSid: first.sid });
      expect(number.applicationSid).toBe(first.sid);
      await expect(harness.repository.remove('application', first.sid)).rejects.toMatchObject({ reason: 'in-use' });
      expect(await harness.repository.remove('application', second.sid)).toBe(true);
      expect(await harness.repository.remove('application', second.sid)).toBe(false);
    });
  });
}
