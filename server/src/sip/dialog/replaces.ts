/** A dialog as one of its two sides names it. */
export interface DialogId {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
}

/** A Replaces header (RFC 3891): the dialog as the receiver knows it. */
export interface Replaces extends DialogId {
  /** Only a call that was not answered yet. */
  readonly earlyOnly: boolean;
}

/** Reads a Replaces value received by us. Undefined when malformed. */
export function parseReplaces(text: string): Replaces | undefined {
  const [callId = '', ...params] = text.split(';').map((part) => part.trim());
  const tags = new Map<string, string>();
  for (const param of params) {
    const equals = param.indexOf('=');
    const name = (equals < 0 ? param : param.slice(0, equals)).trim().toLowerCase();
    // Section 6.1: exactly one to-tag and one from-tag.
    if (tags.has(name)) return undefined;
    tags.set(name, equals < 0 ? '' : param.slice(equals + 1).trim());
  }
  const to = tags.get('to-tag');
  const from = tags.get('from-tag');
  if (callId === '' || /\s/.test(callId) || to === undefined || from === undefined) return undefined;
  // Section 3: to-tag is compared with the receiver's own tag; "0" stands for no tag (RFC 2543).
  return { callId, localTag: untag(to), remoteTag: untag(from), earlyOnly: tags.has('early-only') };
}

function untag(tag: string): string {
  return tag === '0' ? '' : tag;
}

/** The Replaces value that names a dialog of ours to its other side. */
export function formatReplaces(dialog: DialogId, options: { readonly earlyOnly?: boolean } = {}): string {
  const { callId, localTag, remoteTag } = dialog;
  const only = options.earlyOnly === true ? ';early-only' : '';
  return `${callId};to-tag=${remoteTag === '' ? '0' : remoteTag};from-tag=${localTag === '' ? '0' : localTag}${only}`;
}

/** What a call with Replaces finds at our side. */
export type ReplacedState = 'confirmed' | 'early-outgoing' | 'early-incoming' | 'ended' | undefined;

/** RFC 3891 section 3: the status to refuse with, or undefined when the call may take the other one's place. */
export function refusalOfReplaces(found: ReplacedState, earlyOnly: boolean): 481 | 486 | 603 | undefined {
  switch (found) {
    case undefined:
    // We did not start that one: it is not for another caller to take.
    case 'early-incoming':
      return 481;
    case 'ended':
      return 603;
    case 'confirmed':
      return earlyOnly ? 486 : undefined;
    case 'early-outgoing':
      return undefined;
  }
}
