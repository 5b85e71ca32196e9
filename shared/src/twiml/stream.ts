import { z } from 'zod';
import { httpMethod, urlReference } from './attributes.ts';
import { readAttributes, reportStrangers, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readParameters } from './parameters.ts';

/** `<Stream>` in Connect, Start and Stop: the audio of the caller's leg by WebSocket. */
export const streamAttributes = z.object({
  url: urlReference.optional().describe('wss:// or ws://; needed but in Stop'),
  name: z.string().trim().max(200).optional().describe('names it for Stop and in callbacks'),
  track: z
    .enum(['inbound_track', 'outbound_track', 'both_tracks'], 'expected inbound_track, outbound_track or both_tracks')
    .default('inbound_track')
    .describe('what the party says, what it hears, or both; in Connect always what it says'),
  statusCallback: urlReference.optional(),
  statusCallbackMethod: httpMethod.default('POST'),
  connectorName: z.string().optional().describe('has no effect'),
  audioFormat: z
    .literal('audio/x-mulaw', 'expected audio/x-mulaw, the only one that there is')
    .optional()
    .describe('of the messages'),
  sampleRate: z.literal('8000', 'expected 8000, the only one that there is').optional(),
});
export type StreamNoun = {
  /** Handed to the application with the start. */
  readonly parameters: Readonly<Record<string, string>>;
} & z.output<typeof streamAttributes>;

export function readStream(element: TwimlElement, report: ReportTwimlProblem): StreamNoun {
  reportStrangers(element, ['Parameter'], report);
  return { parameters: readParameters(element, report), ...readAttributes(element, streamAttributes, report) };
}

/** The `<Stream>`s of an element that have an address; others are reported. */
export function readStreams(elements: readonly TwimlElement[], report: ReportTwimlProblem): StreamNoun[] {
  return elements.flatMap((element) => {
    const noun = readStream(element, report);
    if (noun.url !== undefined && noun.url !== '') return [noun];
    report(schemaProblem(element, 'needs a url and was skipped'));
    return [];
  });
}
