import type { HeaderPair, SipRequest } from '../message/index.ts';
import type { ResponseParts } from '../transaction/index.ts';
import { ALLOW, SDP_TYPE } from './core.ts';
import type { Core } from './core.ts';

/** Option tags that we support: none yet. */
const SUPPORTED: readonly string[] = [];

/** What to refuse a request with for its Require header or its body; undefined when both can be dealt with. */
export function unsupported(request: SipRequest): ResponseParts | undefined {
  // Section 8.2.2.3.
  const unknown = request.headers.all('require').filter((tag) => !SUPPORTED.includes(tag.toLowerCase()));
  if (unknown.length > 0) return { status: 420, headers: [['Unsupported', unknown.join(', ')]] };
  // Section 8.2.3.
  const encoding = request.headers.get('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return { status: 415, headers: [['Accept-Encoding', 'identity']] };
  const optional = /handling\s*=\s*optional/i.test(request.headers.get('content-disposition') ?? '');
  if (request.method === 'INVITE' && request.body.length > 0 && request.contentType !== SDP_TYPE && !optional)
    return { status: 415, headers: [['Accept', SDP_TYPE]] };
  return undefined;
}

/** Answer to OPTIONS: what we can do (section 11.2). */
export function optionsReply(core: Core): ResponseParts {
  const headers: HeaderPair[] = [
    ['Contact', `<${core.contact}>`],
    ['Allow', ALLOW],
    ['Accept', SDP_TYPE],
    ['Accept-Encoding', 'identity'],
    ['Accept-Language', 'en'],
    ['Supported', SUPPORTED.join(', ')],
    ['Server', core.name],
  ];
  return { status: 200, headers };
}
