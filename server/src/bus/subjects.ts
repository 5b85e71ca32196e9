import { createHash } from 'node:crypto';
import { escapeToken, unescapeToken } from '@hookswitch/shared';

/**
 * The only module that builds and parses subjects and KV keys.
 *
 *     hs.in.<shard>.<account>.<topic...>   what publishers write, kept in EVENTS_<shard>
 *     hs.ev.<account>.<topic...>           the same, republished with sequence headers: what everyone subscribes to
 *     hs.req.<account>.<CallSid>           one queued call request each
 *     hs.rpc.<node>.<method>               node-to-node requests; in no stream
 *     hs.load.<node>                       what a call node says of its load, once a second; in no stream
 *     hs.pub.<account>.app.<topic...>      requests of a tenant's backends to publish; answered by a gateway process
 *     hs.history.<account>                 requests of a tenant's backends for history
 *
 * Accounts, nodes and methods are escaped to one token each. Topics arrive normalised (shared/src/topics.ts) and are
 * checked: one that is not well-formed throws, so that no topic can reach into another account.
 */
const EVENTS_PREFIX = 'hs.ev.';
/** Everything a backend subscriber may subscribe to. */
export const ALL_EVENTS = 'hs.ev.>';
/** Shards of the event streams. Fixed for the life of an installation: the shard of an account never moves. */
export const DEFAULT_SHARDS = 4;

const TOKEN = /^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/;

function checkTokens(topic: string, wildcards: boolean): void {
  const tokens = topic.split('.');
  for (const [at, token] of tokens.entries()) {
    if (TOKEN.test(token)) continue;
    if (wildcards && (token === '*' || (token === '>' && at === tokens.length - 1))) continue;
    throw new RangeError(`'${topic}' is not a normalised topic: token ${at + 1} is not well-formed`);
  }
}

/** Stable shard of an account: FNV-1a over its UTF-8 bytes, both halves folded. */
export function shardOf(account: string, shards: number = DEFAULT_SHARDS): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(account)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}

export function streamName(shard: number): string {
  return `EVENTS_${shard}`;
}

/** Subjects that stream `shard` keeps. */
export function streamSubjects(shard: number): string {
  return `hs.in.${shard}.>`;
}

/** Where an event of `account` on `topic` is published. @throws RangeError when the topic is not normalised */
export function ingestSubject(account: string, topic: string, shards: number = DEFAULT_SHARDS): string {
  checkTokens(topic, false);
  return `hs.in.${shardOf(account, shards)}.${escapeToken(account)}.${topic}`;
}

/** Filter on stored events of `account` matching `pattern`. @throws RangeError when the pattern is not normalised */
export function ingestFilter(account: string, pattern: string, shards: number = DEFAULT_SHARDS): string {
  checkTokens(pattern, true);
  return `hs.in.${shardOf(account, shards)}.${escapeToken(account)}.${pattern}`;
}

/** Live events of `account` matching `pattern`. @throws RangeError when the pattern is not normalised */
export function eventSubject(account: string, pattern: string): string {
  checkTokens(pattern, true);
  return `${EVENTS_PREFIX}${escapeToken(account)}.${pattern}`;
}

/** What a tenant's own NATS account has of the bus. */
export function tenantSubjects(account: string): { events: string; publish: string; history: string } {
  const token = escapeToken(account);
  return { events: `${EVENTS_PREFIX}${token}.>`, publish: `hs.pub.${token}.app.>`, history: `hs.history.${token}` };
}

/** What the answering side subscribes to. */
export const TENANT_REQUESTS = { publish: 'hs.pub.*.app.>', history: 'hs.history.*' } as const;

/** Account and topic of an `hs.pub...` subject; undefined for anything else. */
export function parsePublishSubject(subject: string): EventAddress | undefined {
  const [hs, pub, first, ...topic] = subject.split('.');
  if (hs !== 'hs' || pub !== 'pub' || first === undefined || topic.length === 0) return undefined;
  const account = unescapeToken(first);
  return account === undefined ? undefined : { account, topic: topic.join('.') };
}

/** Account of an `hs.history...` subject; undefined for anything else. */
export function parseHistorySubject(subject: string): string | undefined {
  const [hs, history, account, ...rest] = subject.split('.');
  return hs === 'hs' && history === 'history' && account !== undefined && rest.length === 0
    ? unescapeToken(account)
    : undefined;
}

export interface EventAddress {
  readonly account: string;
  readonly topic: string;
}

/** Account and topic of an `hs.ev...` or `hs.in...` subject; undefined for anything else. */
export function parseEventSubject(subject: string): EventAddress | undefined {
  const tokens = subject.split('.');
  const rest =
    tokens[1] === 'ev' ? tokens.slice(2) : tokens[1] === 'in' && /^\d+$/.test(tokens[2] ?? '') ? tokens.slice(3) : [];
  const [first, ...topic] = rest;
  if (tokens[0] !== 'hs' || first === undefined || topic.length === 0) return undefined;
  const account = unescapeToken(first);
  if (account === undefined || !topic.every((token) => TOKEN.test(token))) return undefined;
  return { account, topic: topic.join('.') };
}

/** Subject of one queued call request. */
export function requestSubject(account: string, callSid: string): string {
  return `hs.req.${escapeToken(account)}.${escapeToken(callSid)}`;
}

export function rpcSubject(node: string, method: string): string {
  return `hs.rpc.${escapeToken(node)}.${escapeToken(method)}`;
}

/** Every node's reports of its load. */
export const ALL_LOADS = 'hs.load.*';

export function loadSubject(node: string): string {
  return `hs.load.${escapeToken(node)}`;
}

/** Every gateway's reports of what accounts use of it. */
export const ALL_USES = 'hs.use.*';

export function useSubject(node: string): string {
  return `hs.use.${escapeToken(node)}`;
}

/** A KV key from any texts, one token each. @throws RangeError for an empty text */
export function kvKey(...parts: readonly string[]): string {
  return parts.map(escapeToken).join('.');
}

/** The texts of a key; undefined when it is not one of ours. */
export function parseKvKey(key: string): string[] | undefined {
  const parts = key.split('.').map(unescapeToken);
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

/**
 * `Nats-Msg-Id`: de-duplication is stream-wide, so that the id is a hash of account, subject and event id. One event on
 * two topics is two messages with different ids; the same one sent again has the same.
 */
export function messageId(account: string, subject: string, eventId: string): string {
  const hash = createHash('sha256');
  for (const part of [account, subject, eventId]) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('base64url').slice(0, 32);
}
