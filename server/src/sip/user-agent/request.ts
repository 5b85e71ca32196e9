import { randomHex } from '../../kernel/index.ts';
import { DigestClient } from '../digest/index.ts';
import { NO_BODY, createRequest, headerTitle, reasonPhrase } from '../message/index.ts';
import type { HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type { RequestOptions, RequestResult } from './api.ts';
import type { Core, Hop } from './core.ts';
import { extraHeaders } from './facts.ts';
import { readTarget } from './prepare.ts';

/** Headers that a request outside a dialog may bring, though calls may not. */
const OPEN: ReadonlySet<string> = new Set(['supported', 'require', 'proxy-require', 'allow']);

/** Sends one request outside a dialog and answers its challenges. Never rejects. */
export function sendRequest(core: Core, options: RequestOptions): Promise<RequestResult> {
  const read = readTarget({ ...options, from: options.from ?? { uri: core.contact } });
  if ('problem' in read) return Promise.resolve(madeHere(400, read.problem));
  const { pairs, refused } = extraHeaders(options.headers, OPEN);
  if (refused.length > 0)
    return Promise.resolve(madeHere(400, `headers that may not be set or hold line breaks: ${refused.join(', ')}`));
  const callId = options.series?.callId ?? randomHex(core.random, 16);
  const localTag = core.newTag();
  const digest = options.credentials === undefined ? undefined : new DigestClient(options.credentials, core.random);
  const body = options.body === undefined ? NO_BODY : Buffer.from(options.body);
  let sequence = 0;
  const build = (contact: string | undefined, authorization: readonly HeaderPair[]): SipRequest =>
    createRequest(
      { method: options.method, uri: read.uri },
      [
        ...read.routes,
        ['Max-Forwards', '70'],
        ['From', `${read.from};tag=${localTag}`],
        ['To', read.to],
        ['Call-ID', callId],
        ['CSeq', `${options.series?.nextSequence() ?? ++sequence} ${options.method}`],
        ...(contact === undefined ? [] : [['Contact', contact] as const]),
        ...authorization,
        ['User-Agent', core.name],
        ...(body.length === 0 ? [] : [['Content-Type', options.contentType ?? 'application/octet-stream'] as const]),
        ...pairs,
      ],
      body,
    );
  return new Promise((resolve) => {
    const hop = options.destination ?? read.nextHop;
    const attempt = (authorization: readonly HeaderPair[]): void => {
      withContact(core, hop, options.contact, (contact) => {
        let request: SipRequest;
        let asked: Endpoint | undefined;
        try {
          request = build(contact, authorization);
        } catch (error) {
          core.log.warn({ err: error, method: options.method }, 'a SIP request cannot be written');
          resolve(madeHere(400, 'the method or a header cannot be written'));
          return;
        }
        core.send(
          request,
          hop,
          {
            onResponse: (response) => {
              if (response.status < 200) return;
              const challenged = response.status === 401 || response.status === 407;
              const credentials = challenged ? digest?.answer(request, response) : undefined;
              if (credentials === undefined)
                resolve({ ...resultOf(response), ...(asked === undefined ? {} : { destination: asked }) });
              else attempt(credentials);
            },
            onTimeout: () => {
              resolve(madeHere(408));
            },
            onTransportError: (error) => {
              resolve(madeHere(503, error.message));
            },
          },
          ({ destination }) => {
            asked = destination;
          },
        );
      });
    };
    attempt([]);
  });
}

/** The Contact value for whoever `hop` turns out to be; undefined when none is wanted. */
function withContact(
  core: Core,
  hop: Hop,
  wanted: RequestOptions['contact'],
  use: (contact: string | undefined) => void,
): void {
  if (wanted === undefined || typeof wanted === 'string') {
    use(wanted);
    return;
  }
  const write = (uri: string): string => {
    const user = wanted.user === undefined ? '' : `${wanted.user}@`;
    return `<${uri.replace(/^sips?:/, (scheme) => `${scheme}${user}`)}${wanted.uriParams ?? ''}>${wanted.params ?? ''}`;
  };
  core.locate(
    hop,
    ([destination]) => {
      use(write(core.contactFor(destination)));
    },
    () => {
      // Sending fails in the same way, and says so.
      use(write(core.contact));
    },
  );
}

function resultOf(response: SipResponse): RequestResult {
  return {
    status: response.status,
    reason: response.reason,
    received: true,
    headers: response.headers.lines.map(({ key, value }) => ({ name: headerTitle(key), value })),
    body: response.body,
  };
}

/** What stands for a response that never came. */
export function madeHere(status: number, reason = reasonPhrase(status)): RequestResult {
  return { status, reason, received: false, headers: [], body: NO_BODY };
}
