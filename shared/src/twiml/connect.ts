import { z } from 'zod';
import { httpMethod, urlReference } from './attributes.ts';
import { childElements, readAttributes, reportStrangers, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readStreams } from './stream.ts';
import type { StreamNoun } from './stream.ts';

/**
 * `<Connect>`: hands the caller's audio to an application both ways, until the application closes the connection. Answers
 * the call.
 */
export const connectAttributes = z.object({
  action: urlReference.optional().describe('asked when the stream has ended (default: the next verb runs)'),
  method: httpMethod.default('POST'),
});
export type ConnectVerb = { readonly verb: 'Connect'; readonly stream: StreamNoun } & z.output<
  typeof connectAttributes
>;

export function readConnect(element: TwimlElement, report: ReportTwimlProblem): ConnectVerb | undefined {
  reportStrangers(element, ['Stream'], report);
  const [stream, ...others] = readStreams(
    childElements(element).filter(({ name }) => name === 'Stream'),
    report,
  );
  if (others.length > 0) report(schemaProblem(element, 'takes one <Stream>; the others were left out'));
  const attributes = readAttributes(element, connectAttributes, report);
  if (stream === undefined) {
    report(schemaProblem(element, 'holds nothing that this version connects with, and was skipped'));
    return undefined;
  }
  if (stream.track !== 'inbound_track') {
    report({ code: 31_941, message: `<Stream> in <Connect>: track="${stream.track}": it is inbound_track there` });
  }
  return { verb: 'Connect', stream: { ...stream, track: 'inbound_track' }, ...attributes };
}
