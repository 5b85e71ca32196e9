import type { InstructionRequest, InstructionResponse, Instructions } from '../../calls/ports.ts';
import type { Log } from '../../kernel/index.ts';
import { publicUrl } from '../application-request.ts';
import type { Delegate, DelegateStore } from './ports.ts';

export interface DelegatingInstructionsOptions {
  readonly inner: Instructions;
  readonly delegates: Pick<DelegateStore, 'get'>;
  /** Why a response is no instructions; undefined for one that is. */
  readonly problemOf: (response: Extract<InstructionResponse, { ok: true }>) => string | undefined;
  readonly log: Log;
}

/**
 * Asks an application's delegates, in their order, for the first instructions of a call; the first who has some runs it.
 * Whoever fails or declines (status 204, or `{"decline": ...}` in JSON, or a declining control channel) is followed by the
 * next, and in the end by the application itself.
 */
export class DelegatingInstructions implements Instructions {
  readonly #options: DelegatingInstructionsOptions;

  constructor(options: DelegatingInstructionsOptions) {
    this.#options = options;
  }

  async fetch(request: InstructionRequest, signal: AbortSignal): Promise<InstructionResponse> {
    const { inner, delegates, log } = this.#options;
    const { firstOf, accountSid, callSid } = request;
    const list = firstOf === undefined ? [] : delegates.get(accountSid, firstOf);
    for (const [at, delegate] of list.entries()) {
      const response = await inner.fetch(delegated(request, delegate, { at, of: list.length }), signal);
      if (signal.aborted) return response;
      const why = this.#refusal(response);
      if (why === undefined) return response;
      const address = URL.parse(delegate.url);
      const url = address === null ? delegate.url : publicUrl(address);
      log.warn(
        { accountSid, callSid, applicationSid: firstOf, url },
        `delegate ${at + 1} gave no instructions: ${why}`,
      );
    }
    return await inner.fetch(request, signal);
  }

  #refusal(response: InstructionResponse): string | undefined {
    if (!response.ok) return response.message;
    if (response.status === 204) return 'declined (204)';
    const declined = declineOf(response);
    return declined === undefined ? this.#options.problemOf(response) : `declined: ${declined}`;
  }
}

function delegated(
  request: InstructionRequest,
  { url, method, attributes }: Delegate,
  place: { readonly at: number; readonly of: number },
): InstructionRequest {
  const config = Object.fromEntries(attributes.map(({ name, value }) => [`Config_${name}`, value]));
  const { firstOf: applicationSid = '', params } = request;
  const own = {
    DelegateApplicationSid: applicationSid,
    DelegatePosition: String(place.at + 1),
    DelegateCount: String(place.of),
  };
  return { ...request, url, method, params: { ...params, ...config, ...own } };
}

/** The reason in `{"decline": "reason"}` or `{"decline": true}`. */
function declineOf({ contentType, body }: Extract<InstructionResponse, { ok: true }>): string | undefined {
  if (!/^\s*application\/(?:[\w.-]+\+)?json\b/i.test(contentType) || !body.trimStart().startsWith('{'))
    return undefined;
  try {
    const { decline } = JSON.parse(body) as { decline?: unknown };
    return decline === true ? 'no reason given' : typeof decline === 'string' ? decline : undefined;
  } catch {
    return undefined;
  }
}
