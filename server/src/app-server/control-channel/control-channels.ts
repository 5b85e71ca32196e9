import type {
  CallControlReply,
  EventSink,
  InstructionRequest,
  InstructionResponse,
  Instructions,
} from '../../calls/ports.ts';
import { parseUpgradeUrl, publicUrl } from '../application-request.ts';
import type { HttpTap } from '../ports.ts';
import { FAILURES, REQUEST_CODES } from '../request-failure.ts';
import { requestOptions } from '../request-options.ts';
import { ControlChannel, httpUrl } from './control-channel.ts';
import type { Answer, ChannelParts } from './control-channel.ts';
import type { ControlCall } from './ports.ts';

export interface ControlChannelsOptions extends Omit<ChannelParts, 'control'> {
  /** Requests that no channel is for. */
  readonly http: Instructions;
  readonly tap?: HttpTap | undefined;
}

/**
 * Instructions for calls whose application stays connected: the request for a `ws:` or `wss:` address opens the call's
 * channel, and all further ones to the same origin go by it.
 */
export class ControlChannels implements Instructions {
  readonly #options: ControlChannelsOptions;
  readonly #parts: ChannelParts;
  readonly #channels = new Map<string, ControlChannel>();
  #control: ControlCall = () => Promise.resolve<CallControlReply>({ ok: false, reason: 'unavailable' });

  constructor(options: ControlChannelsOptions) {
    this.#options = options;
    this.#parts = { ...options, control: (request) => this.#control(request) };
  }

  /** Calls that have a channel. */
  get count(): number {
    return this.#channels.size;
  }

  /** What acts on live calls. */
  attach(control: ControlCall): void {
    this.#control = control;
  }

  async fetch(request: InstructionRequest, signal: AbortSignal): Promise<InstructionResponse> {
    const { http, clock } = this.#options;
    const channel = request.background === true ? undefined : this.#channelFor(request);
    const startedAt = clock.monotonic();
    if (channel === undefined) return await http.fetch(request, signal);
    const total = new AbortController();
    const { totalMs } = requestOptions(URL.parse(request.url)?.hash ?? '');
    const timer = clock.setTimer(totalMs, () => {
      total.abort(new Error('time is up'));
    });
    const address = publicUrl(new URL(httpUrl(request.url)));
    const sent = { ...request, url: address };
    const finish = (answer: Answer | 'late' | 'given-up'): InstructionResponse => {
      const durationMs = clock.monotonic() - startedAt;
      const response = responseOf(answer, { url: address, durationMs, totalMs });
      this.#tell(request, response);
      return response;
    };
    try {
      return finish(await channel.ask(sent, AbortSignal.any([signal, total.signal])));
    } catch {
      return finish(signal.aborted ? 'given-up' : 'late');
    } finally {
      timer.cancel();
    }
  }

  /** An event sink that tells channels of what happens in their calls. */
  events(sink: EventSink): EventSink {
    return {
      emit: (event) => {
        sink.emit(event);
        if (this.#channels.size === 0) return;
        const { type, subject, sequence } = event;
        const data = event.data as Record<string, unknown>;
        const channel = this.#channels.get(subject) ?? this.#channels.get(String(data['parentCallSid']));
        channel?.event({ type, subject, data, ...(sequence === undefined ? {} : { sequence }) });
        if (type === 'call.ended') this.#end(subject);
      },
    };
  }

  /** Ends all channels. Idempotent. */
  close(): void {
    for (const callSid of [...this.#channels.keys()]) this.#end(callSid);
  }

  #end(callSid: string): void {
    this.#channels.get(callSid)?.end();
    this.#channels.delete(callSid);
  }

  #channelFor({ accountSid, url, session }: InstructionRequest): ControlChannel | undefined {
    if (session === undefined) return undefined;
    const { callSid, from, to } = session;
    const held = this.#channels.get(callSid);
    if (held !== undefined && originOf(held.call.url) === originOf(url)) return held;
    const address = parseUpgradeUrl(url);
    if (address === undefined) return undefined;
    held?.end();
    const options = requestOptions(address.hash);
    const channel = new ControlChannel(this.#parts, { accountSid, callSid, from, to, url, options }, () => {
      if (this.#channels.get(callSid) === channel) this.#channels.delete(callSid);
    });
    this.#channels.set(callSid, channel);
    return channel;
  }

  #tell({ accountSid, callSid, method, params }: InstructionRequest, response: InstructionResponse): void {
    const { url, durationMs } = response;
    this.#options.tap?.({
      purpose: 'instructions',
      accountSid,
      callSid,
      idempotencyToken: '',
      method,
      url: url.replace(/^http/, 'ws'),
      params,
      durationMs,
      ...(response.ok
        ? { contentType: response.contentType, body: response.body }
        : { problem: response.message, code: response.code }),
    });
  }
}

function responseOf(
  answer: Answer | 'late' | 'given-up',
  facts: { readonly url: string; readonly durationMs: number; readonly totalMs: number },
): InstructionResponse {
  const { url, durationMs, totalMs } = facts;
  if (answer === 'late') return { ok: false, url, durationMs, ...FAILURES.timedOut(totalMs) };
  if (answer === 'given-up') return { ok: false, url, durationMs, ...FAILURES.givenUp() };
  if (answer.ok) return { ...answer, url, status: 200, durationMs };
  const { declined, message } = answer;
  return {
    ok: false,
    url,
    code: declined ? REQUEST_CODES.status : REQUEST_CODES.connection,
    message: declined ? message : `no control channel: ${message}`,
    hint: declined
      ? 'The application says why.'
      : 'Is the application up, and does it take WebSockets at this address?',
    durationMs,
  };
}

function originOf(url: string): string | undefined {
  return URL.parse(httpUrl(url))?.origin;
}
