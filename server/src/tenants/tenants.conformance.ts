import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../kernel/index.ts';
import { eventually } from '../bus/testing/eventually.ts';
import type { Directory, TenantMirror, TenantRepository } from './ports.ts';
import { SecretBox } from './secret-box.ts';
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
          outbound: { host: '127.0.0.1', port: 5070 },
        });
      });
      expect(await store.accounts()).toHaveLength(1);
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
        [() => store.addTrunk(account.sid, { name: 't', outboundHost: 'h' }), /host and port together/],
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

    it('the closest range decides whose trunk an address is', async () => {
      const { directory } = harness;
      const [one, two] = [await store.createAccount('C'), await store.createAccount('D')];
      const wide = await store.addTrunk(one.account.sid, { name: 'wide', allow: ['198.51.100.0/24', '2001:db8::/32'] });
      const narrow = await store.addTrunk(two.account.sid, {
        name: 'narrow',
        allow: ['198.51.100.16/28'],
        outboundHost: 'sip.example.com',
        outboundPort: 5060,
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
        outbound: { host: 'sip.example.com', port: 5060 },
        digest: { username: 'user', secret: 'Geheim ☎' },
        codecs: ['PCMA'],
        channels: 30,
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
