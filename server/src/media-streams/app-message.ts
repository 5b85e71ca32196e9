import { z } from 'zod';

const streamSid = z.string();
/** What an application may send on a bidirectional stream. Members that are not known are ignored. */
const appMessageSchema = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('media'),
    streamSid,
    media: z.object({ payload: z.base64() }),
  }),
  z.object({ event: z.literal('mark'), streamSid, mark: z.object({ name: z.string().max(1000) }) }),
  z.object({ event: z.literal('clear'), streamSid }),
]);

export type AppMessage =
  | { readonly event: 'media'; readonly payload: Uint8Array }
  | { readonly event: 'mark'; readonly name: string }
  | { readonly event: 'clear' };

export type ReadAppMessage =
  { readonly ok: true; readonly message: AppMessage } | { readonly ok: false; readonly problem: string };

/** @param sid of the stream: messages for another one are none of ours */
export function readAppMessage(text: string, sid: string): ReadAppMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'it is not JSON' };
  }
  const parsed = appMessageSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { ok: false, problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}` };
  }
  const { data } = parsed;
  if (data.streamSid !== sid) return { ok: false, problem: `streamSid is not ${sid}` };
  switch (data.event) {
    case 'media':
      return { ok: true, message: { event: 'media', payload: Buffer.from(data.media.payload, 'base64') } };
    case 'mark':
      return { ok: true, message: { event: 'mark', name: data.mark.name } };
    case 'clear':
      return { ok: true, message: { event: 'clear' } };
  }
}
