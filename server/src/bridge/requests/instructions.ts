import type { BridgeRequest } from './ports.ts';

/** TwiML that connects the client who answered with whom the request names. */
export function documentOf({ to, from }: Pick<BridgeRequest, 'to' | 'from'>): string {
  const dial = `<Dial answerOnBridge="true" callerId="${escapeXml(from)}">${nounOf(to)}</Dial>`;
  return `<Response>${dial}</Response>`;
}

/** Parameters of the requests that the client's call makes to its application. */
export function paramsOf({ sid, data, from }: BridgeRequest): Record<string, string> {
  return { BridgeRequestSid: sid, BridgeRequestData: JSON.stringify(data), BridgeRequestFrom: from };
}

function nounOf(to: string): string {
  if (to.startsWith('client:')) return `<Client>${escapeXml(to.slice('client:'.length))}</Client>`;
  return /^sips?:/i.test(to) ? `<Sip>${escapeXml(to)}</Sip>` : `<Number>${escapeXml(to)}</Number>`;
}

function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
