import { serverFrameSchema } from '@hookswitch/shared';
import type { ClientFrameInput, ServerFrame } from '@hookswitch/shared';

export type Decoded =
  | { readonly ok: true; readonly frame: ServerFrame }
  /** `id` is given when the frame answers a command that would otherwise wait for its time-out. */
  | { readonly ok: false; readonly id: number | undefined; readonly problem: string };

/** Checks a frame against the shared schema. Never throws. */
export function decodeFrame(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, id: undefined, problem: 'not JSON' };
  }
  const parsed = serverFrameSchema.safeParse(value);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  const [issue] = parsed.error.issues;
  return {
    ok: false,
    id: typeof id === 'number' ? id : undefined,
    problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`,
  };
}

export function encodeFrame(frame: ClientFrameInput): string {
  return JSON.stringify(frame);
}
