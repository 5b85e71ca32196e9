import { formatReplaces, parseReplaces } from '../dialog/index.ts';
import { breaksLine, formatNameAddr, formatUri, parseNameAddr, parseUri } from '../message/index.ts';
import type { NameAddr, SipRequest } from '../message/index.ts';
import type { InviteOptions } from './api.ts';
import type { DialogId } from '../dialog/index.ts';

/** Refer-To value for a URI, or for a call of ours that is to be replaced. Undefined when it is no SIP or tel URI. */
export function writeReferTo(uri: string, replaced?: DialogId): string | undefined {
  const target = parseUri(uri);
  if (target === undefined || target.scheme === 'other' || breaksLine(uri)) return undefined;
  if (replaced === undefined) return `<${formatUri(target)}>`;
  if (target.scheme === 'tel') return undefined;
  const header = `Replaces=${encodeURIComponent(formatReplaces(replaced))}`;
  return `<${formatUri({ ...target, headers: header })}>`;
}

/** What a REFER asks for (RFC 3515 section 2.4.2: exactly one Refer-To). Undefined when it cannot be used. */
export function readRefer(
  request: SipRequest,
):
  | { readonly target: NameAddr; readonly invite: Pick<InviteOptions, 'target' | 'replaces' | 'referredBy'> }
  | undefined {
  const values = request.headers.all('refer-to');
  const target = values.length === 1 ? parseNameAddr(values[0] ?? '') : undefined;
  if (target === undefined || target.uri.scheme === 'other') return undefined;
  const headers = target.uri.scheme === 'tel' ? undefined : target.uri.headers;
  const replaces = replacesOf(headers);
  if (replaces === 'malformed') return undefined;
  const referredBy = request.headers.get('referred-by');
  return {
    target,
    invite: {
      target: formatUri(target.uri.scheme === 'tel' ? target.uri : { ...target.uri, headers: undefined }),
      ...(replaces === undefined ? {} : { replaces }),
      ...(referredBy === undefined ? {} : { referredBy }),
    },
  };
}

/** The Replaces header of a URI's headers (`?Replaces=...`). Others are ignored: a stranger must not write our headers. */
function replacesOf(headers: string | undefined): string | undefined {
  for (const pair of headers?.split('&') ?? []) {
    const equals = pair.indexOf('=');
    if (pair.slice(0, Math.max(equals, 0)).toLowerCase() !== 'replaces') continue;
    const value = decode(pair.slice(equals + 1));
    return value === undefined || breaksLine(value) || parseReplaces(value) === undefined ? 'malformed' : value;
  }
  return undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Our side of a call, as Referred-By value. */
export function referredByOf(local: NameAddr): string {
  return formatNameAddr({ ...local, params: new Map() });
}
