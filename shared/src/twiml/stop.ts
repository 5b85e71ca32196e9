import { z } from 'zod';
import { childElements, readAttributes, reportStrangers, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { startRecordingAttributes } from './start.ts';
import { readStream } from './stream.ts';
import { readTranscription } from './transcription.ts';

/** `<Stop>`: ends what `<Start>` began. */
export const stopAttributes = z.object({});

export interface StopVerb {
  readonly verb: 'Stop';
  /** Names of streams. */
  readonly streams: readonly string[];
  /** Names of transcriptions; an empty one: all of them. */
  readonly transcriptions: readonly string[];
  /** Whether the recordings that Start began end. */
  readonly recordings: boolean;
}

export function readStop(element: TwimlElement, report: ReportTwimlProblem): StopVerb | undefined {
  readAttributes(element, stopAttributes, report);
  reportStrangers(element, ['Recording', 'Stream', 'Transcription'], report);
  const children = childElements(element);
  const streams: string[] = [];
  const transcriptions: string[] = [];
  let recordings = false;
  for (const child of children) {
    if (child.name === 'Stream') {
      const { name = '' } = readStream(child, report);
      if (name !== '') streams.push(name);
      else report(schemaProblem(child, 'needs the name of the stream that is to stop, and was skipped'));
    } else if (child.name === 'Transcription') transcriptions.push(readTranscription(child, report).name ?? '');
    else if (child.name === 'Recording') {
      readAttributes(child, startRecordingAttributes, report);
      recordings = true;
    }
  }
  const nothing = streams.length + transcriptions.length === 0 && !recordings;
  return nothing ? undefined : { verb: 'Stop', streams, transcriptions, recordings };
}
