import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLog, systemRandom } from '../kernel/index.ts';
import { DirectoryView } from './directory-view.ts';
import { MemoryTenantMirror } from './mirror.memory.ts';
import { columnsOf } from './repository.pg.ts';
import { MemoryTenantRepository } from './repository.memory.ts';
import { tenantRecordSchema } from './records.ts';
import { SecretBox, loadMasterKey } from './secret-box.ts';
import { sipListConformance } from './sip-lists.conformance.ts';
import { tenantConformance } from './tenants.conformance.ts';
import type { TenantHarness } from './tenants.conformance.ts';

const inMemory = (secrets: SecretBox): Promise<TenantHarness> => {
  const mirror = new MemoryTenantMirror({ secrets, log: silentLog });
  const repository = new MemoryTenantRepository();
  return Promise.resolve({ repository, mirror, directory: mirror.directory, close: () => Promise.resolve() });
};
tenantConformance('memory', inMemory);
sipListConformance('memory', inMemory);

describe('sealed secrets', () => {
  const box = new SecretBox(new Uint8Array(32).fill(1), systemRandom);

  it('open only with the same key and for the same record', () => {
    const sealed = box.seal('geheim ☎', 'account:AC1:authToken');
    expect(sealed).not.toContain('geheim');
    expect(box.seal('geheim ☎', 'account:AC1:authToken')).not.toBe(sealed);
    expect(box.open(sealed, 'account:AC1:authToken')).toBe('geheim ☎');
    const other = new SecretBox(new Uint8Array(32).fill(2), systemRandom);
    const flipped = `${sealed.slice(0, -2)}${sealed.at(-2) === 'A' ? 'B' : 'A'}${sealed.at(-1) ?? ''}`;
    const attempts: [SecretBox, string, string][] = [
      [other, sealed, 'account:AC1:authToken'],
      [box, sealed, 'account:AC2:authToken'],
      [box, flipped, 'account:AC1:authToken'],
      [box, '', 'x'],
      [box, 'v1.', 'x'],
      [box, 'v2.AAAA', 'x'],
    ];
    for (const [by, text, context] of attempts) {
      expect(() => by.open(text, context)).toThrow(expect.objectContaining({ reason: 'master-key' }));
    }
  });

  it('keys derived for one purpose say nothing of another, and stay the same', () => {
    const again = new SecretBox(new Uint8Array(32).fill(1), systemRandom);
    expect(box.deriveKey('pages')).toEqual(again.deriveKey('pages'));
    expect(box.deriveKey('pages')).not.toEqual(box.deriveKey('page'));
  });

  it('the master key is generated once with mode 600; the environment goes first', () => {
    const directory = mkdtempSync(join(tmpdir(), 'hs-key-'));
    const file = join(directory, 'keys', 'master.key');
    const first = loadMasterKey(file, {}, systemRandom);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Buffer.from(loadMasterKey(file, {}, systemRandom)).equals(first)).toBe(true);
    expect(Buffer.from(readFileSync(file, 'utf8'), 'base64').equals(first)).toBe(true);
    const given = loadMasterKey(file, { HOOKSWITCH_MASTER_KEY: 'ab'.repeat(32) }, systemRandom);
    expect(Buffer.from(given).toString('hex')).toBe('ab'.repeat(32));
    expect(() => loadMasterKey(file, { HOOKSWITCH_MASTER_KEY: 'short' }, systemRandom)).toThrow(/openssl rand/);
    writeFileSync(file, 'damaged');
    expect(() => loadMasterKey(file, {}, systemRandom)).toThrow(/is not a master key/);
    rmSync(directory, { recursive: true });
  });
});

describe('trunks of earlier releases', () => {
  it('load, and mean what they meant', () => {
    const record = tenantRecordSchema.parse({
      kind: 'trunk',
      revision: 7,
      createdAt: '2026-01-01T00:00:00Z',
      updatedAt: '2026-01-01T00:00:00Z',
      sid: `TK${'1'.repeat(32)}`,
      accountSid: `AC${'1'.repeat(32)}`,
      name: 'old',
      allow: ['192.0.2.0/24'],
      outboundHost: '[2001:db8::5]',
      outboundPort: 5062,
      digestUsername: null,
      digestSecret: null,
      codecs: ['PCMU'],
      channels: null,
    });
    const view = new DirectoryView({ secrets: new SecretBox(new Uint8Array(32), systemRandom), log: silentLog });
    view.apply(record);
    expect(view.trunk(record.sid)).toMatchObject({
      gateways: [{ host: '2001:db8::5', port: 5062, transport: 'udp', priority: 0 }],
      inbound: undefined,
      channels: {},
      srtp: 'off',
      optionsIntervalS: 0,
      identity: { caller: 'from', trusted: false },
    });
  });
});

describe('tables', () => {
  it('have a column for every member of the records', () => {
    for (const schema of tenantRecordSchema.options) {
      const kind = schema.shape.kind.value;
      const members = Object.keys(schema.shape).filter((member) => member !== 'kind');
      expect(columnsOf(kind).sort()).toEqual(members.sort());
    }
  });
});
