import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What sipp sends in a scenario. `[...]` are sipp's own keywords. */
export interface Message {
  readonly headers?: readonly string[];
  /** True: `sendrecv`; else the direction. */
  readonly sdp?: boolean | 'sendonly' | 'recvonly' | 'inactive';
  /** The version of the session description (default 1). */
  readonly sdpVersion?: number;
  /** Another body, with its Content-Type among the headers. */
  readonly body?: string;
}

function sdpOf(message: Message): string[] {
  if (message.sdp === undefined || message.sdp === false) return message.body === undefined ? [] : [message.body];
  return [
    'v=0',
    `o=sipp 1 ${String(message.sdpVersion ?? 1)} IN IP4 [local_ip]`,
    's=-',
    'c=IN IP4 [local_ip]',
    't=0 0',
    'm=audio 41000 RTP/AVP 0 101',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    `a=${message.sdp === true ? 'sendrecv' : message.sdp}`,
  ];
}

/** How sipp can be reached. */
export const CONTACT = 'Contact: <sip:sipp@[local_ip]:[local_port]>';

function write(lines: readonly string[], message: Message): string {
  const described = message.sdp !== undefined && message.sdp !== false;
  const type = described ? ['Content-Type: application/sdp'] : [];
  const all = [...lines, ...(message.headers ?? []), ...type, 'Content-Length: [len]', '', ...sdpOf(message)];
  return `<![CDATA[\n\n${all.map((line) => `      ${line}`).join('\n')}\n\n    ]]>`;
}

export interface CallerMessage extends Message {
  /** Name of the transaction, for requests that share one: INVITE, its CANCEL, the ACK of its refusal. */
  readonly transaction?: string;
  /** False: the request is outside a dialog (default for the INVITE with CSeq 1 and for CANCEL). */
  readonly toTag?: boolean;
  /** False: sent once, whatever comes (default for ACK). */
  readonly retransmit?: boolean;
}

/** A request of sipp as the caller. Its From and To are fixed; `[peer_tag_param]` is ours once we have answered. */
export function callerRequest(method: string, sequence: number, message: CallerMessage = {}): string {
  const { transaction, toTag = !(method === 'CANCEL' || (method === 'INVITE' && sequence === 1)) } = message;
  const branch = transaction === undefined ? '[branch]' : `z9hG4bK-[pid]-[call_number]-${transaction}`;
  const lines = [
    `${method} sip:service@[remote_ip]:[remote_port] SIP/2.0`,
    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch}`,
    'From: "Caller" <sip:+15550100@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]',
    `To: <sip:service@[remote_ip]:[remote_port]>${toTag ? '[peer_tag_param]' : ''}`,
    'Call-ID: [call_id]',
    `CSeq: ${String(sequence)} ${method}`,
    CONTACT,
    'Max-Forwards: 70',
  ];
  const retransmit = message.retransmit ?? method !== 'ACK';
  return `<send${retransmit ? ' retrans="500"' : ''}>${write(lines, message)}</send>`;
}

/** A request of sipp as the callee. Our From has to be in `$peer`: see {@link receive}. */
export function calleeRequest(method: string, sequence: number, message: Message = {}): string {
  const lines = [
    // Our Contact, of the INVITE.
    `${method} [next_url] SIP/2.0`,
    'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
    'From: <sip:service@[local_ip]:[local_port]>;tag=[pid]SIPpTag01[call_number]',
    'To:[$peer]',
    'Call-ID: [call_id]',
    `CSeq: ${String(sequence)} ${method}`,
    CONTACT,
    'Max-Forwards: 70',
  ];
  return `<send${method === 'ACK' ? '' : ' retrans="500"'}>${write(lines, message)}</send>`;
}

export interface Response extends Message {
  /** The tag of To; true: the usual one. Default: To has one already. */
  readonly tag?: boolean | string;
  /** Retransmitted until something comes. */
  readonly repeat?: boolean;
  /** False: no Contact, or another one among the headers. */
  readonly contact?: boolean;
}

function tagOf(tag: boolean | string | undefined): string {
  if (tag === undefined || tag === false) return '';
  return `;tag=[pid]${tag === true ? 'SIPpTag01' : tag}[call_number]`;
}

/** A response to the request that came last. */
export function response(status: string, message: Response = {}): string {
  const lines = [
    `SIP/2.0 ${status}`,
    '[last_Via:]',
    '[last_From:]',
    `[last_To:]${tagOf(message.tag)}`,
    '[last_Call-ID:]',
    '[last_CSeq:]',
    ...(message.contact === false ? [] : [CONTACT]),
  ];
  return `<send${message.repeat === true ? ' retrans="500"' : ''}>${write(lines, message)}</send>`;
}

/** As {@link response}, but to the INVITE (CSeq 1) of a call that sipp got, when another request came after it. */
export function laterResponse(status: string, message: Response = {}): string {
  const lines = [
    `SIP/2.0 ${status}`,
    'Via:[$via]',
    'From:[$peer]',
    `To: <sip:service@[local_ip]:[local_port]>${tagOf(message.tag ?? true)}`,
    '[last_Call-ID:]',
    'CSeq: 1 INVITE',
    CONTACT,
  ];
  return `<send${message.repeat === false ? '' : ' retrans="500"'}>${write(lines, message)}</send>`;
}

/** Header values of a request that {@link keptResponse} needs. */
export const KEEP_REQUEST: Readonly<Record<string, string>> = {
  keptVia: 'Via',
  keptFrom: 'From',
  keptTo: 'To',
  keptSequence: 'CSeq',
};

/** A response to a request inside the dialog that was received with `keep: KEEP_REQUEST`, when others came after it. */
export function keptResponse(status: string, message: Message = {}): string {
  const lines = [
    `SIP/2.0 ${status}`,
    'Via:[$keptVia]',
    'From:[$keptFrom]',
    'To:[$keptTo]',
    '[last_Call-ID:]',
    'CSeq:[$keptSequence]',
    CONTACT,
  ];
  return `<send retrans="500">${write(lines, message)}</send>`;
}

export interface Expected {
  /** Header values into variables. */
  readonly keep?: Readonly<Record<string, string>>;
  /** Header values that must match. */
  readonly check?: Readonly<Record<string, string>>;
  /** Expressions that the whole message must match, and must not. */
  readonly contains?: readonly string[];
  readonly lacks?: readonly string[];
  /** May be left out, or come later than the next step. */
  readonly optional?: boolean;
}

/** Waits for a request of ours. */
export function receive(method: string, options: Expected = {}): string {
  const kept = Object.entries(options.keep ?? {}).map(
    ([variable, header]) =>
      `<ereg regexp=".*" search_in="hdr" header="${header}:" check_it="true" assign_to="${variable}"/>`,
  );
  const optional = options.optional === true ? ' optional="true"' : '';
  const route = method === 'INVITE' ? ' rrs="true"' : '';
  return `<recv request="${method}"${route}${optional}>${actions([...kept, ...checks(options)])}</recv>`;
}

/** Waits for a response of ours. */
export function expectStatus(
  status: number,
  options: Expected & {
    /** The challenge is kept for `[authentication]`. */
    readonly auth?: boolean;
  } = {},
): string {
  const kept = Object.entries(options.keep ?? {}).map(
    ([variable, header]) =>
      `<ereg regexp="[0-9]+" search_in="hdr" header="${header}:" check_it="true" assign_to="${variable}"/>`,
  );
  const optional = options.optional === true ? ' optional="true"' : '';
  const auth = options.auth === true ? ' auth="true"' : '';
  return `<recv response="${String(status)}"${optional}${auth}>${actions([...kept, ...checks(options)])}</recv>`;
}

let unused = 0;

function checks({ check = {}, contains = [], lacks = [] }: Expected): string[] {
  const ereg = (pattern: string, where: string, how = 'check_it'): string =>
    `<ereg regexp="${pattern.replaceAll('<', '&lt;')}" ${where} ${how}="true" assign_to="check${String(++unused)}"/>`;
  return [
    ...Object.entries(check).map(([header, pattern]) => ereg(pattern, `search_in="hdr" header="${header}:"`)),
    ...contains.map((pattern) => ereg(pattern, 'search_in="msg"')),
    ...lacks.map((pattern) => ereg(pattern, 'search_in="msg"', 'check_it_inverse')),
  ];
}

function actions(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `<action>${lines.join('')}</action>`;
}

export function pause(milliseconds: number): string {
  return `<pause milliseconds="${String(milliseconds)}"/>`;
}

/** Writes a scenario to a file of its own and hands over its path while `run` runs. */
export async function withScenario<T>(steps: readonly string[], run: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'scenario-'));
  const used = [...new Set(steps.join('').match(/assign_to="(\w+)"/g) ?? [])].map((text) => text.slice(11, -1));
  const reference = used.length === 0 ? '' : `<Reference variables="${used.join(',')}"/>`;
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="built">\n${steps.join('\n')}\n${reference}\n</scenario>\n`;
  try {
    const path = join(directory, 'scenario.xml');
    await writeFile(path, xml);
    return await run(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
