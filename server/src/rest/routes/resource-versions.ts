import { z } from 'zod';
import type { TenantRecord } from '../../tenants/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const versionSchema = z
  .object({
    version: z.number().int(),
    at: z.string(),
    changes: z.record(z.string(), z.unknown()).describe('what this version changed; all of it in the first one shown'),
    state: z.record(z.string(), z.unknown()).describe('the resource from this version on'),
  })
  .meta({ id: 'ResourceVersion' });
const path = accountPath.extend({ Sid: z.string().regex(/^[A-Z]{2}[0-9a-f]{32}$/) });
/** Members that are secrets: that they changed is told, not what they are. */
const SECRETS = ['authToken', 'secret', 'password', 'digestSecret', 'inboundSecret'];

/** What became of anything that is configured: numbers, applications, trunks, SIP domains, keys and so on (CR-6). */
export function resourceVersionRoutes(app: RestApp, { store }: RestServices): void {
  app.get(
    '/accounts/:AccountSid/versions/:Sid',
    {
      schema: {
        operationId: 'listResourceVersions',
        summary: 'A configured resource, version by version, the first one first; the newest 100 are kept',
        tags: ['Versions'],
        params: path,
        querystring: z.object({ version: z.coerce.number().int().min(1).optional().describe('only this one') }),
        response: { 200: z.object({ versions: z.array(versionSchema) }) },
      },
    },
    async (request) => {
      const { sid } = contextOf(request).account;
      const { version } = request.query;
      const all = await store.versions(request.params.Sid);
      const latest = all.at(-1)?.record;
      if (latest === undefined || ownerOf(latest) !== sid) throw new RestError('notFound');
      const views = all.map(({ version: number, at, record }, index) => ({
        version: number,
        at: iso8601(at),
        changes: changesOf(all[index - 1]?.record, record),
        state: stateOf(record),
      }));
      const found = views.filter((each) => version === undefined || each.version === version);
      if (found.length === 0) throw new RestError('notFound');
      return { versions: found };
    },
  );
}

const ownerOf = (record: TenantRecord): string => (record.kind === 'account' ? record.sid : record.accountSid);

function stateOf(record: TenantRecord): Record<string, unknown> {
  const members = Object.entries(record).filter(([name]) => name !== 'revision');
  return Object.fromEntries(
    members.map(([name, value]) => [name, SECRETS.includes(name) && value !== null ? '(secret)' : value]),
  );
}

function changesOf(before: TenantRecord | undefined, record: TenantRecord): Record<string, unknown> {
  const was = (before ?? {}) as Record<string, unknown>;
  const now = record as Record<string, unknown>;
  const changed = Object.entries(stateOf(record)).filter(
    ([name]) => name !== 'updatedAt' && JSON.stringify(was[name]) !== JSON.stringify(now[name]),
  );
  return Object.fromEntries(changed);
}
