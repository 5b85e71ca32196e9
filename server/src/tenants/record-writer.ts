import type { z } from 'zod';
import { sidFromHex } from '@hookswitch/shared';
import type { SidKind } from '@hookswitch/shared';
import { randomHex } from '../kernel/index.ts';
import type { Clock, Random } from '../kernel/index.ts';
import { TenantError } from './errors.ts';
import type { TenantMirror, TenantRepository } from './ports.ts';
import type { NewRecord, RecordOf, TenantKind } from './records.ts';
import type { SecretBox } from './secret-box.ts';

export interface TenantStoreParts {
  readonly repository: TenantRepository;
  readonly mirror: TenantMirror;
  readonly secrets: SecretBox;
  readonly clock: Clock;
  readonly random: Random;
}

/** Stores a record, then announces it. @throws TenantError */
export class RecordWriter {
  readonly #parts: TenantStoreParts;

  constructor(parts: TenantStoreParts) {
    this.#parts = parts;
  }

  async insert<K extends TenantKind>(kind: K, record: NewRecord<K>): Promise<RecordOf[K]> {
    const stored = await this.#parts.repository.insert(kind, record);
    await this.#parts.mirror.put(stored);
    return stored;
  }

  async update<K extends TenantKind>(kind: K, sid: string, changes: Partial<RecordOf[K]>): Promise<RecordOf[K]> {
    const updatedAt = new Date(this.#parts.clock.now()).toISOString();
    const stored = await this.#parts.repository.update(kind, sid, { ...changes, updatedAt });
    await this.#parts.mirror.put(stored);
    return stored;
  }

  async remove(kind: TenantKind, sid: string): Promise<void> {
    if (!(await this.#parts.repository.remove(kind, sid)))
      throw new TenantError('not-found', `there is no ${kind} ${sid}`);
    await this.#parts.mirror.remove(kind, sid);
  }

  sid(kind: SidKind): string {
    return sidFromHex(kind, randomHex(this.#parts.random, 16));
  }

  stamp<K extends TenantKind>(kind: K, sid: string): { kind: K; sid: string; createdAt: string; updatedAt: string } {
    const now = new Date(this.#parts.clock.now()).toISOString();
    return { kind, sid, createdAt: now, updatedAt: now };
  }
}

/** @throws TenantError `invalid` with what is wrong and where */
export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = [what, ...(issue?.path ?? []).map(String)].join('.');
  throw new TenantError('invalid', `${where}: ${issue?.message ?? 'not valid'}`);
}
