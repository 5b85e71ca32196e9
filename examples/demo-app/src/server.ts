import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { afterDial, incomingCall, outgoingCall } from './instructions.ts';
import { signatureMatches, webhookSignature } from './signature.ts';
import { DEMO_IDENTITY, accessToken } from './token.ts';
import type { TokenSigner } from './token.ts';

/** Longest request body taken, bytes. */
const MAX_BODY_BYTES = 64 * 1024;

export interface DemoAppOptions {
  /** Checks that requests come from the call router; undefined takes them from anybody. */
  readonly authToken: string | undefined;
  /** Signs tokens for the softphone page; undefined answers 503. */
  readonly signer: TokenSigner | undefined;
  /** What calls to the telephone network show as their caller. */
  readonly callerId: string;
  readonly log: (line: string) => void;
}

interface Answer {
  readonly status: number;
  readonly type?: 'text/xml' | 'application/json' | 'text/plain';
  readonly body?: string;
}

const xml = (body: string): Answer => ({ status: 200, type: 'text/xml', body });
const json = (status: number, body: unknown): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
});

/** The answer to one webhook. `get` reads a parameter of the form or the query; absent ones are empty. */
const WEBHOOKS: Readonly<Record<string, (get: (name: string) => string, options: DemoAppOptions) => Answer>> = {
  '/voice': (get) =>
    xml(
      incomingCall({
        client: get('client') || 'alice',
        greeting: get('greeting') === 'none' ? '' : get('greeting') || 'One moment, connecting you.',
        timeout: /^[0-9]{1,3}$/.test(get('timeout')) ? get('timeout') : '30',
      }),
    ),
  '/dial-done': (get) => xml(afterDial(get('DialCallStatus'))),
  '/client': (get, { callerId }) => xml(outgoingCall(get('To'), callerId)),
  '/status': () => ({ status: 204 }),
};

/** The demo application server, not listening yet. The caller closes it. */
export function createDemoApp(options: DemoAppOptions): Server {
  return createServer((request, response) => {
    handle(request, options)
      .catch((error: unknown): Answer => {
        options.log(`error ${request.method ?? ''} ${request.url ?? ''}: ${String(error)}`);
        return { status: 400, type: 'text/plain', body: 'The request could not be read.\n' };
      })
      .then(({ status, type, body = '' }) => {
        response.writeHead(status, { 'cache-control': 'no-store', ...(type ? { 'content-type': type } : {}) });
        response.end(body);
      })
      .catch((error: unknown) => {
        options.log(`error while answering: ${String(error)}`);
      });
  });
}

async function handle(request: IncomingMessage, options: DemoAppOptions): Promise<Answer> {
  const address = `http://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`;
  const url = new URL(address);
  if (url.pathname === '/token' && request.method === 'GET') return token(url, options);
  const webhook = WEBHOOKS[url.pathname];
  if (webhook === undefined) return { status: 404, type: 'text/plain', body: 'No such page.\n' };
  if (request.method !== 'POST' && request.method !== 'GET') return { status: 405 };
  const body = await readBody(request);
  if (body === undefined) return { status: 413 };
  const form = new URLSearchParams(body);
  if (options.authToken !== undefined) {
    const expected = webhookSignature(options.authToken, address, form);
    const given = request.headers['x-twilio-signature'];
    if (!signatureMatches(expected, typeof given === 'string' ? given : undefined)) {
      options.log(`refused ${url.pathname}: its signature is not the call router's`);
      return { status: 403, type: 'text/plain', body: 'The signature does not match.\n' };
    }
  }
  options.log(describe(url, form));
  return webhook((name) => form.get(name) ?? url.searchParams.get(name) ?? '', options);
}

/** One line a webhook: its path and the parameters that tell the story. Line breaks in values cannot forge a line. */
function describe(url: URL, form: URLSearchParams): string {
  const shown = ['CallSid', 'From', 'To', 'CallStatus', 'DialCallStatus', 'SequenceNumber'];
  const facts = shown.flatMap((name) => {
    const value = form.get(name) ?? url.searchParams.get(name);
    return value === null ? [] : [`${name}=${value.replace(/[\p{Cc}]/gu, '?').slice(0, 100)}`];
  });
  return [url.pathname, ...facts].join(' ');
}

function token(url: URL, { signer }: DemoAppOptions): Answer {
  if (signer === undefined) {
    return json(503, {
      message: 'Set HOOKSWITCH_ACCOUNT, HOOKSWITCH_API_KEY and HOOKSWITCH_API_SECRET to sign tokens.',
    });
  }
  // A page on another site must not come by a token by pointing a name of its own at this machine.
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) {
    return json(403, { message: 'Tokens are signed for requests to this machine only.' });
  }
  const identity = url.searchParams.get('identity') ?? '';
  if (!DEMO_IDENTITY.test(identity)) {
    return json(400, { message: 'identity: letters, digits, _ and -, levels separated by single slashes.' });
  }
  return json(200, { identity, ...accessToken(signer, identity, Date.now()) });
}

/** @returns undefined when it is longer than allowed */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
