/** A SIP URI; RFC 3261 section 25.1: what a user part may not hold is escaped. An IPv6 host comes in brackets. */
export function sipUri(user: string, host: string): string {
  const escaped = encodeURIComponent(user).replace(/%(2B|26|3D|24|2C|3B|3F|2F)/gi, (text) => decodeURIComponent(text));
  return escaped === '' ? `sip:${host}` : `sip:${escaped}@${host}`;
}

/** A host as it is written in a URI: IPv6 addresses in brackets. */
export function uriHost(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
