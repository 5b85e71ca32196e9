import { createHmac } from 'node:crypto';
import type { SeededRandom } from '../../chaos/random.ts';
import type { Credentials } from '../../fixtures/server.ts';
import { signToken } from '../../fixtures/token.ts';

const WORDS = [
  'orders',
  'room',
  'a',
  'b-2',
  'Ä',
  'te\u0301st',
  'x'.repeat(40),
  '0',
  '_',
  'calls',
  'clients',
  '\u202eroom',
];
const HOW_MANY = 24;

/** Topics, patterns and subjects with which somebody might reach for events of the account `victim`. */
export function hostileTopics(random: SeededRandom, victim: string): string[] {
  return ['>', 'app.>', ...Array.from({ length: HOW_MANY }, () => hostileTopic(random, victim))];
}

function hostileTopic(random: SeededRandom, victim: string): string {
  const word = random.pick(WORDS);
  return random.pick([
    '*.>',
    '*',
    `${victim}.>`,
    `app.${victim}.>`,
    `*.${victim}.>`,
    `hs.ev.${victim}.>`,
    `hs.in.*.${victim}.>`,
    'hs.in.>',
    'hs.>',
    `..${victim}.>`,
    `app.>.${victim}`,
    `app\u0000.${victim}.>`,
    `app/../${victim}/>`,
    `%2e%2e.${victim}.%3e`,
    `app. ${victim}.>`,
    `\r\nSUB hs.ev.${victim}.> 9\r\n`,
    '$JS.API.>',
    '$JS.API.STREAM.MSG.GET.EVENTS_0',
    '$SYS.>',
    '_INBOX.>',
    '$KV.>',
    `app.${word}.>`,
    `${word}.${victim}`,
    `app.${'y'.repeat(600)}`,
    '',
  ]);
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokenWith(header: object, claims: object, secret: string | undefined): string {
  const signed = `${part(header)}.${part(claims)}`;
  const mac = secret === undefined ? '' : createHmac('sha256', secret).update(signed).digest('base64url');
  return `${signed}.${mac}`;
}

/** The good token of `own` first; then those that claim something of `victim`, or rights that have ended. */
export function hostileTokens(own: Credentials, victim: Credentials): string[] {
  const wish = { identity: 'probe', subscribe: ['>'], publish: ['app.>'], presence: ['app.>'] };
  const now = Math.floor(Date.now() / 1000);
  const hub = { subscribe: ['>'], publish: ['app.>'] };
  const grants = { identity: 'probe', hub };
  const claims = { iss: victim.apiKey, sub: victim.account, iat: now, exp: now + 3600, grants };
  return [
    signToken(own, wish),
    // The victim's account, by the own key; and by its key, with the own secret.
    signToken(own, { ...wish, account: victim.account }),
    tokenWith({ typ: 'JWT', alg: 'HS256' }, claims, own.apiSecret),
    tokenWith({ typ: 'JWT', alg: 'none' }, claims, undefined),
    tokenWith({ typ: 'JWT', alg: 'ES256', kid: victim.apiKey }, claims, own.apiSecret),
    signToken(victim, { ...wish, ttl: -30 }),
    'none',
  ];
}
