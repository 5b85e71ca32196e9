/** What a key press means for the softphone. */
export type KeyAction =
  | { readonly do: 'answer' | 'reject' | 'hangup' | 'mute' }
  | { readonly do: 'digit'; readonly key: string }
  | { readonly do: 'dial'; readonly key: string };

export interface KeyPress {
  readonly key: string;
  /** Ctrl, Alt or Meta is down. */
  readonly modified: boolean;
  readonly repeat: boolean;
  readonly phone: 'incoming' | 'call' | 'idle';
  /** What has the focus: a text field takes characters, a button takes Enter and Space. */
  readonly focus: 'text' | 'empty-dial' | 'button' | 'page';
}

/** Enter answers, Escape rejects or hangs up, M mutes, digits are dialled or sent. Undefined: the key is the browser's. */
export function keyAction({ key, modified, repeat, phone, focus }: KeyPress): KeyAction | undefined {
  if (modified || repeat) return undefined;
  const typing = focus === 'text' || focus === 'empty-dial';
  if (key === 'Enter') {
    return phone === 'incoming' && (focus === 'page' || focus === 'empty-dial') ? { do: 'answer' } : undefined;
  }
  if (key === 'Escape') {
    if (phone === 'incoming') return { do: 'reject' };
    return phone === 'call' && !typing ? { do: 'hangup' } : undefined;
  }
  if (typing) return undefined;
  if (phone === 'call' && key.toLowerCase() === 'm') return { do: 'mute' };
  if (/^[0-9*#]$/.test(key)) {
    if (phone === 'call') return { do: 'digit', key };
    return phone === 'idle' ? { do: 'dial', key } : undefined;
  }
  return phone === 'idle' && key === '+' ? { do: 'dial', key } : undefined;
}
