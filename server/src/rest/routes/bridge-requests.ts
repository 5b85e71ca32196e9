import { BRIDGE_REQUEST_DATA_MAX_BYTES, bridgeRequestEndSchema, identitySchema, sidSchema } from '@hookswitch/shared';
import { z } from 'zod';
import type { BridgeRequest } from '../../bridge/ports.ts';
import { DomainError } from '../../kernel/index.ts';
import { orderOf } from '../call-order.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { accountPath, sid } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const status = z.enum(['pending', ...bridgeRequestEndSchema.options]);
const party = z.string().trim().min(1).max(512);
/** Seconds that a request is offered. */
const TTL = { default: 3600, most: 86_400 } as const;
const LISTED = 1000;

const newSchema = z.strictObject({
  identity: identitySchema.describe('whose client may answer'),
  to: party.describe('whom the call is placed to: E.164 number, client:identity or SIP URI'),
  from: party.describe('shown to the called party; for a number, one of the account'),
  applicationSid: sidSchema('application')
    .optional()
    .describe("asked for the instructions of the client's call, in the place of a plain Dial to `to`"),
  data: z
    .unknown()
    .optional()
    .describe(`told to the client, and to the application: at most ${BRIDGE_REQUEST_DATA_MAX_BYTES} bytes of JSON`),
  ttl: z.number().int().min(1).max(TTL.most).default(TTL.default).describe('seconds that it is offered'),
  announce: z.boolean().default(true).describe('false: clients are not told; the token gets to them by other ways'),
});
const requestSchema = z
  .object({
    sid: z.string(),
    accountSid: z.string(),
    identity: z.string(),
    to: z.string(),
    from: z.string(),
    applicationSid: z.string().nullable(),
    data: z.unknown(),
    announced: z.boolean(),
    status,
    callSid: z.string().nullable().describe("accepted: the client's call"),
    registration: z.string().nullable().describe('accepted: the device, if it is registered'),
    createdAt: z.string(),
    expiresAt: z.string(),
    closedAt: z.string().nullable(),
  })
  .meta({ id: 'BridgeRequest' });
const createdSchema = requestSchema.extend({ token: z.string().describe('for one use; shown this once') });

const tags = ['Bridge requests'];
const COLLECTION = '/accounts/:AccountSid/bridge-requests';
const path = accountPath.extend({ Sid: sid('bridgeRequest') });

/** What is no call and may be answered by one (BR-10). */
export function bridgeRequestRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  list(app, services);
  instance(app, services);
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'createBridgeRequest',
        summary: 'Offer a client a call to somebody',
        description:
          'The first client of the identity that accepts opens its leg, `to` is called, and both are merged. What becomes of it is told by events on the topics of the client.',
        tags,
        params: accountPath,
        body: newSchema,
        response: { 201: createdSchema },
      },
    },
    async (request, reply) => {
      const { identity, applicationSid, data = null, ttl, announce } = request.body;
      const accountSid = contextOf(request).account.sid;
      const bytes = Buffer.byteLength(JSON.stringify(data));
      if (bytes > BRIDGE_REQUEST_DATA_MAX_BYTES) {
        throw new RestError('tooLarge', `data: at most ${BRIDGE_REQUEST_DATA_MAX_BYTES} bytes of JSON, not ${bytes}`);
      }
      const { to, from } = await partiesOf(services, accountSid, request.body);
      const wish = { accountSid, identity, to, from, applicationSid, data, announced: announce, ttlMs: ttl * 1000 };
      const made = await known(() => services.bridgeRequests.create(wish));
      return await reply.code(201).send({ ...view(made), token: services.bridgeRequests.tokenOf(made) });
    },
  );
}

function list(app: RestApp, { bridgeRequests }: RestServices): void {
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'listBridgeRequests',
        summary: `Bridge requests of two days, the newest first, ${LISTED.toLocaleString('en')} at most`,
        tags,
        params: accountPath,
        querystring: z.object({ identity: identitySchema.optional(), status: status.optional() }),
        response: { 200: z.object({ bridge_requests: z.array(requestSchema) }) },
      },
    },
    (request) => {
      const { identity, status: wanted } = request.query;
      const found = bridgeRequests
        .list(contextOf(request).account.sid)
        .filter((one) => (identity ?? one.identity) === one.identity && (wanted ?? one.status) === one.status);
      return { bridge_requests: found.slice(0, LISTED).map(view) };
    },
  );
}

function instance(app: RestApp, { bridgeRequests }: RestServices): void {
  const schema = { tags, params: path };
  app.get(
    `${COLLECTION}/:Sid`,
    {
      schema: {
        ...schema,
        operationId: 'fetchBridgeRequest',
        summary: 'One bridge request',
        response: { 200: requestSchema },
      },
    },
    async (request) => {
      const found = await known(() => bridgeRequests.get(contextOf(request).account.sid, request.params.Sid));
      if (found === undefined) throw new RestError('notFound');
      return view(found);
    },
  );
  app.delete(
    `${COLLECTION}/:Sid`,
    {
      schema: {
        ...schema,
        operationId: 'cancelBridgeRequest',
        summary: 'Take a bridge request back that nobody has answered yet',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await known(() => bridgeRequests.cancel(contextOf(request).account.sid, request.params.Sid));
      return await reply.code(204).send(null);
    },
  );
}

/** As for a call that REST places. @throws RestError */
async function partiesOf(
  services: RestServices,
  accountSid: string,
  { to, from, applicationSid }: z.infer<typeof newSchema>,
): Promise<{ to: string; from: string }> {
  const run = applicationSid === undefined ? { Twiml: '<Response/>' } : { ApplicationSid: applicationSid };
  return await orderOf(services, accountSid, { To: to, From: from, ...run });
}

async function known<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.name !== 'BridgeRequestError') throw error;
    const { message } = error;
    const reason = String(error.reason);
    const later = { headers: { 'retry-after': '1' }, cause: error };
    if (reason === 'unknown') throw new RestError('notFound', undefined, { cause: error });
    if (reason === 'limit') throw new RestError('tooManyRequests', message, later);
    if (reason === 'unavailable') throw new RestError('unavailable', message, later);
    throw new RestError('conflict', message, { cause: error });
  }
}

function view(request: BridgeRequest): z.infer<typeof requestSchema> {
  const { sid: made, accountSid, identity, to, from, data, announced, status: now } = request;
  return {
    ...{ sid: made, accountSid, identity, to, from, data, announced, status: now },
    applicationSid: request.applicationSid ?? null,
    callSid: request.callSid ?? null,
    registration: request.registration ?? null,
    createdAt: iso8601(request.createdAt),
    expiresAt: iso8601(request.expiresAt),
    closedAt: request.closedAt === undefined ? null : iso8601(request.closedAt),
  };
}
