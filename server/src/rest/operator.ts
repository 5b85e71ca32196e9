import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Directory } from '../tenants/index.ts';
import { RestError } from './errors.ts';
import type { RestContext } from './services.ts';

/**
 * Lets the operator of the server in, whose key is a bearer token, to routes that say so (`config: { operator: true }`):
 * there every account is open. Undefined: it is not the operator, or not such a route.
 *
 * @throws RestError `notFound` when there is no such account
 */
export function asOperator(
  request: FastifyRequest,
  { directory, operatorKey = '' }: { readonly directory: Directory; readonly operatorKey?: string | undefined },
): RestContext | undefined {
  if (request.routeOptions.config.operator !== true || !isOperator(request, operatorKey)) return undefined;
  const { AccountSid = '' } = request.params as { AccountSid?: string };
  const account = directory.accountBySid(AccountSid);
  if (account === undefined) throw new RestError('notFound');
  return { principal: { accountSid: account.sid, keySid: undefined, operator: true }, account };
}

/** Whether a request bears the operator's key. @param operatorKey empty: there is no operator here */
export function isOperator(request: FastifyRequest, operatorKey: string): boolean {
  const given = /^bearer (\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  return given !== undefined && operatorKey !== '' && same(given, operatorKey);
}

/** In the same time wherever they differ, and whatever their lengths. */
function same(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
