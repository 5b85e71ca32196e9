import { z } from 'zod';
import type { TenantRecord, TenantStore } from '../tenants/index.ts';
import { RestError } from './errors.ts';

/** The query of a resource that has versions. */
export const versionParameter = z.object({
  version: z.coerce.number().int().min(1).optional().describe('As it was in this version, the first being 1'),
});

/** The record, or what it was in the version asked for. @throws RestError `notFound` */
export async function atVersion<T extends TenantRecord>(
  store: TenantStore,
  record: T,
  { version }: z.infer<typeof versionParameter>,
): Promise<T> {
  if (version === undefined) return record;
  const found = (await store.versions(record.sid)).find((each) => each.version === version);
  if (found !== undefined) return found.record as T;
  // Of records from before there were versions the present one is all that is known.
  if (version === 1 && (await store.versions(record.sid)).length === 0) return record;
  throw new RestError('notFound', `There is no version ${version}`);
}
