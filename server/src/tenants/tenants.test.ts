import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLog, systemRandom } from '../kernel/index.ts';
import { MemoryTenantMirror } from './mirror.memory.ts';
import { columnsOf } from './repository.pg.ts';
import { MemoryTenantRepository } from './repository.memory.ts';
import { tenantRecordSchema } from './records.ts';
import { SecretBox, loadMasterKey } from './secret-box.ts';
import { tenantConformance } from './tenants.conformance.ts';

tenantConformance('memory', (secrets) => {
  const mirror = new MemoryTenantMirror({ secrets, log: silentLog });
  const repository = new MemoryTenantRepository();
  return Promise.resolve({ repository, mirror, directory: mirror.directory, close: () => Promise.resolve() });
});

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

describe('tables', () => {
  it('have a column for every member of the records', () => {
    for (const schema of tenantRecordSchema.options) {
      const kind = schema.shape.kind.value;
      const members = Object.keys(schema.shape).filter((member) => member !== 'kind');
      expect(columnsOf(kind).sort()).toEqual(members.sort());
    }
  });
});
