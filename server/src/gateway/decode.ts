import { HUB_LIMITS, clientFrameSchema } from '@hookswitch/shared';
import type { ClientFrame, HubErrorName } from '@hookswitch/shared';
import type { ReceivedFrame, SubscribeAllFrame } from './ports.ts';

export type Decoded =
  | { readonly ok: true; readonly frame: ClientFrame | SubscribeAllFrame }
  | {
      readonly ok: false;
      readonly error: Extract<HubErrorName, 'badFrame' | 'unknownCommand'>;
      readonly message: string;
      /** Of the command, when it could be read. */
      readonly id: number | undefined;
      /** Whatever sent this does not speak the protocol. */
      readonly fatal: boolean;
    };

const TYPES: ReadonlySet<string> = new Set(clientFrameSchema.options.map((option) => option.shape.type.value));

/** Parses one frame of a client. Never throws, whatever comes. */
export function decodeFrame(received: ReceivedFrame): Decoded {
  if ('frame' in received) return { ok: true, frame: received.frame };
  if ('value' in received) return checkShape(received.value);
  if (!withinDepth(received.text)) return refuse(`nested deeper than ${HUB_LIMITS.maxDepth} levels`, { fatal: true });
  try {
    return checkShape(JSON.parse(received.text));
  } catch {
    return refuse('a frame is one JSON object; this is not JSON', { fatal: true });
  }
}

function checkShape(value: unknown): Decoded {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('a frame is one JSON object', { fatal: true });
  }
  const { type, id: given } = value as { type?: unknown; id?: unknown };
  const id = typeof given === 'number' && Number.isInteger(given) && given >= 0 ? given : undefined;
  if (!isPlainData(value)) {
    return refuse(`a frame holds JSON values only, nested ${HUB_LIMITS.maxDepth} levels at most`, { id });
  }
  if (typeof type === 'string' && !TYPES.has(type)) {
    return {
      ok: false,
      error: 'unknownCommand',
      message: `there is no command '${type.slice(0, 40)}'`,
      id,
      fatal: false,
    };
  }
  const parsed = clientFrameSchema.safeParse(value);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const issue = parsed.error.issues[0];
  return refuse(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`, { id });
}

function refuse(message: string, options: { id?: number | undefined; fatal?: boolean }): Decoded {
  return { ok: false, error: 'badFrame', message, id: options.id, fatal: options.fatal ?? false };
}

/** Whether brackets outside strings nest no deeper than allowed: checked before anything recursive sees the text. */
function withinDepth(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > HUB_LIMITS.maxDepth) return false;
    } else if (char === 0x7d || char === 0x5d) depth -= 1;
  }
  return true;
}

/** Socket.IO may hand over buffers and anything deep; JSON has neither. Walks without recursion. */
function isPlainData(root: object): boolean {
  const stack: { readonly value: object; readonly depth: number }[] = [{ value: root, depth: 1 }];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    if (entry.depth > HUB_LIMITS.maxDepth) return false;
    const prototype: unknown = Object.getPrototypeOf(entry.value);
    if (!Array.isArray(entry.value) && prototype !== Object.prototype && prototype !== null) return false;
    for (const value of Object.values(entry.value) as unknown[]) {
      if (typeof value === 'object' && value !== null) stack.push({ value, depth: entry.depth + 1 });
    }
  }
  return true;
}
