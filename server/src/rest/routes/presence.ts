import { HUB_LIMITS, parseTopic } from '@hookswitch/shared';
import { z } from 'zod';
import { RestError } from '../errors.ts';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const page = {
  After: z.string().max(512).optional().describe('`next` of the page before'),
  PageSize: z.coerce.number().int().min(1).max(HUB_LIMITS.maxPresencePage).default(100),
};
const next = z.string().nullable().describe('After of the next page; null: this is the last');
const memberSchema = z
  .object({
    connection: z.string(),
    identity: z.string().nullable(),
    info: z.record(z.string(), z.unknown()).nullable(),
    since: z.string().describe('RFC 3339'),
  })
  .meta({ id: 'PresenceMember' });
const topicCount = z.object({ topic: z.string(), occupancy: z.number().int().describe('members of the topic') });
const tags = ['Presence'];

/** Who is on a topic, and how many are on each topic of a pattern. */
export function presenceRoutes(app: RestApp, { presence }: RestServices): void {
  app.get(
    '/accounts/:AccountSid/presence',
    {
      schema: {
        operationId: 'listPresence',
        summary: 'Members of a topic',
        tags,
        params: accountPath,
        querystring: z.object({ topic: z.string().describe('One topic'), ...page }),
        response: { 200: topicCount.extend({ members: z.array(memberSchema), next }) },
      },
    },
    (request) => {
      const { topic: text, After: after, PageSize: limit } = request.query;
      const topic = normalised(text, false);
      const found = presence.members(contextOf(request).account.sid, topic, { after, limit });
      const members = found.members.map(({ connection, identity = null, info, since }) => {
        return {
          connection,
          identity,
          info: info === undefined ? null : { ...info },
          since: new Date(since).toISOString(),
        };
      });
      return { topic, occupancy: found.occupancy, members, next: found.next ?? null };
    },
  );
  app.get(
    '/accounts/:AccountSid/presence/occupancy',
    {
      schema: {
        operationId: 'listOccupancy',
        summary: 'How many members the topics under a pattern have',
        tags,
        params: accountPath,
        querystring: z.object({ topic: z.string().describe('A topic or pattern').default('>'), ...page }),
        response: { 200: z.object({ topics: z.array(topicCount), next }).describe('topics with members, by name') },
      },
    },
    (request) => {
      const { topic, After: after, PageSize: limit } = request.query;
      const found = presence.occupancy(contextOf(request).account.sid, normalised(topic, true), { after, limit });
      return { topics: [...found.topics], next: found.next ?? null };
    },
  );
}

function normalised(text: string, wildcards: boolean): string {
  const parsed = parseTopic(text, { wildcards });
  if (!parsed.ok) throw new RestError('badRequest', `topic: ${parsed.problem}`);
  return parsed.topic;
}
