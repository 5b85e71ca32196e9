import { z } from 'zod';
import type { ExchangeRecord, NotificationRecord } from '../../records/index.ts';
import { rfc2822, timeRange } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, sid } from '../parameters.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { callOf, callPath } from './calls.ts';

const eventSchema = z
  .object({
    request: z.object({ method: z.string(), url: z.string(), parameters: z.record(z.string(), z.string()) }),
    response: z.object({
      response_code: z.number().int().nullable(),
      request_duration: z.number().int().nullable().describe('Milliseconds'),
      content_type: z.string().nullable(),
      response_body: z.string().nullable(),
      date_created: z.string(),
    }),
  })
  .meta({ id: 'CallEvent' });
const notificationSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    call_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    log: z.enum(['0', '1']).describe('0: error, 1: warning'),
    error_code: z.string(),
    more_info: z.string(),
    message_text: z.string().describe('Form-encoded: LogLevel, ErrorCode, Msg'),
    message_date: z.string(),
    date_created: z.string(),
    date_updated: z.string(),
    request_method: z.string().nullable(),
    request_url: z.string().nullable(),
    uri: z.string(),
  })
  .meta({ id: 'Notification' });
const fullNotificationSchema = notificationSchema
  .extend({
    request_variables: z.string(),
    response_headers: z.string().nullable(),
    response_body: z.string().nullable(),
  })
  .meta({ id: 'NotificationInstance' });
const messageDate = z.string().optional().describe('YYYY-MM-DD; also with < and > behind the name');
const notificationQuery = z.object({
  Log: z.enum(['0', '1']).optional(),
  MessageDate: messageDate,
  'MessageDate<': messageDate,
  'MessageDate>': messageDate,
  ...pageParameters,
});
const LEVELS = { error: '0', warning: '1' } as const;

/** What was asked of application servers for a call, and what went wrong. */
export function callLogRoutes(app: RestApp, services: RestServices): void {
  events(app, services);
  notificationLists(app, services);
  notification(app, services);
}

function events(app: RestApp, services: RestServices): void {
  const { records, pages } = services;
  app.get(
    '/Accounts/:AccountSid/Calls/:CallSid/Events.json',
    {
      schema: {
        operationId: 'ListCallEvent',
        summary: 'Requests made for a call, and their answers',
        tags: ['Calls'],
        params: callPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ events: z.array(eventSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query, params } = request;
      const owner = contextOf(request).account.sid;
      await callOf(services, owner, params.CallSid);
      const page = await readPage(pages, { url, owner, query }, (load) =>
        records.calls.exchanges(params.CallSid, { accountSid: owner, ...load }),
      );
      return { events: page.items.map(eventView), ...legacyPage(page) };
    },
  );
}

function eventView(exchange: ExchangeRecord): z.input<typeof eventSchema> {
  const { method, url, parameters, status, durationMs, contentType, body, createdAt } = exchange;
  return {
    request: { method, url, parameters },
    response: {
      response_code: status,
      request_duration: durationMs,
      content_type: contentType,
      response_body: body,
      date_created: rfc2822(createdAt),
    },
  };
}

function notificationLists(app: RestApp, services: RestServices): void {
  const { records, pages } = services;
  const response = { 200: z.object({ notifications: z.array(notificationSchema), ...legacyPageSchema }) };
  for (const [path, params, name] of [
    ['/Accounts/:AccountSid/Notifications.json', accountPath, 'ListNotification'],
    ['/Accounts/:AccountSid/Calls/:CallSid/Notifications.json', callPath, 'ListCallNotification'],
  ] as const) {
    app.get(
      path,
      {
        schema: {
          operationId: name,
          summary: 'Errors and warnings',
          tags: ['Notifications'],
          params,
          querystring: notificationQuery,
          response,
        },
      },
      async (request) => {
        const { url, query } = request;
        const owner = contextOf(request).account.sid;
        const { CallSid: callSid } = request.params as { CallSid?: string };
        if (callSid !== undefined) await callOf(services, owner, callSid);
        const log = query.Log === undefined ? undefined : query.Log === '0' ? 'error' : 'warning';
        const filters = { accountSid: owner, callSid, log, messageDate: timeRange(query, 'MessageDate') } as const;
        const page = await readPage(pages, { url, owner, query }, (load) =>
          records.notifications.list({ ...filters, ...load }),
        );
        const base = baseOf(request);
        return { notifications: page.items.map((item) => notificationView(item, base)), ...legacyPage(page) };
      },
    );
  }
}

function notification(app: RestApp, { records }: RestServices): void {
  const tags = ['Notifications'];
  for (const [path, params, name] of [
    ['/Accounts/:AccountSid/Notifications/:Sid.json', accountPath.extend({ Sid: sid('notification') }), ''],
    [
      '/Accounts/:AccountSid/Calls/:CallSid/Notifications/:Sid.json',
      callPath.extend({ Sid: sid('notification') }),
      'Call',
    ],
  ] as const) {
    app.get(
      path,
      {
        schema: {
          operationId: `Fetch${name}Notification`,
          summary: 'One error or warning',
          tags,
          params,
          response: { 200: fullNotificationSchema },
        },
      },
      async (request) => {
        const { Sid, CallSid } = request.params as { Sid: string; CallSid?: string };
        const found = await records.notifications.get(contextOf(request).account.sid, Sid);
        if (found === undefined || (CallSid !== undefined && found.callSid !== CallSid))
          throw new RestError('notFound');
        const body = { request_variables: '', response_headers: null, response_body: null };
        return { ...notificationView(found, baseOf(request)), ...body };
      },
    );
  }
}

function notificationView(found: NotificationRecord, base: string): z.input<typeof notificationSchema> {
  const { sid: wanted, accountSid, callSid, createdAt, log, code, message, hint, requestMethod, requestUrl } = found;
  const text = {
    LogLevel: log.toUpperCase(),
    ErrorCode: String(code),
    Msg: message,
    ...(hint === null ? {} : { Hint: hint }),
  };
  return {
    sid: wanted,
    account_sid: accountSid,
    call_sid: callSid,
    api_version: '2010-04-01',
    log: LEVELS[log],
    error_code: String(code),
    more_info: `${base}/docs/errors/${code}`,
    message_text: new URLSearchParams(text).toString(),
    message_date: rfc2822(createdAt),
    date_created: rfc2822(createdAt),
    date_updated: rfc2822(createdAt),
    request_method: requestMethod,
    request_url: requestUrl,
    uri: `/2010-04-01/Accounts/${accountSid}/Notifications/${wanted}.json`,
  };
}
