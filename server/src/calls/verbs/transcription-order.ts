import type { TranscriptionNoun } from '@hookswitch/shared';
import { transcribedTracks } from '../transcriptions/transcription-order.ts';
import type { TranscriptionOrder } from '../transcriptions/transcription-order.ts';
import type { VerbContext } from './verb.ts';

/** What a `<Transcription>` asks for. @param n its place in the verb */
export function transcriptionOrder(noun: TranscriptionNoun, context: VerbContext, n: number): TranscriptionOrder {
  const { name = '', statusCallbackUrl, statusCallbackMethod: method, hints = '' } = noun;
  const { inboundTrackLabel: inbound, outboundTrackLabel: outbound } = noun;
  const url = statusCallbackUrl === undefined ? undefined : context.resolve(statusCallbackUrl);
  return {
    transcriptionSid: context.transcriptionSid(n),
    name,
    tracks: transcribedTracks(noun.track),
    language: noun.languageCode,
    hints: hints
      .split(',')
      .map((hint) => hint.trim())
      .filter((hint) => hint !== ''),
    partial: noun.partialResults,
    labels: { ...(inbound === undefined ? {} : { inbound }), ...(outbound === undefined ? {} : { outbound }) },
    callback: url === undefined ? undefined : { url, method },
  };
}
