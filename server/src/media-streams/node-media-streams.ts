import { describeError } from '../kernel/index.ts';
import type { Log, Metrics } from '../kernel/index.ts';
import { LiveStream } from './live-stream.ts';
import type { LiveStreamParts } from './live-stream.ts';
import type { MediaStream, MediaStreams, StreamListener, StreamRequest } from './ports.ts';
import { problem } from './problems.ts';

export interface NodeMediaStreamsOptions extends LiveStreamParts {
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The streams of this node's legs. */
export class NodeMediaStreams implements MediaStreams {
  readonly #options: NodeMediaStreamsOptions;
  readonly #live = new Set<MediaStream>();
  readonly #ended;

  constructor(options: NodeMediaStreamsOptions) {
    this.#options = options;
    const { metrics } = options;
    metrics.gauge('hookswitch_media_streams', 'Media streams that are up or being set up', [], () => this.#live.size);
    this.#ended = metrics.counter('hookswitch_media_streams_ended_total', 'Media streams that ended', ['outcome']);
  }

  /** Streams that have not ended. */
  get size(): number {
    return this.#live.size;
  }

  open(request: StreamRequest, leg: Parameters<MediaStreams['open']>[1], listener: StreamListener): MediaStream {
    const { callSid, streamSid } = request;
    const log = this.#options.log.child({ callSid, streamSid });
    const stream: LiveStream = new LiveStream(this.#options, request, {
      leg,
      listener: {
        started: () => {
          log.info({ tracks: request.tracks }, 'a media stream is up');
          listener.started();
        },
        warning: (warning) => {
          log.warn({ code: warning.code }, `media stream: ${warning.message}`);
          listener.warning(warning);
        },
        ended: (end) => {
          this.#live.delete(stream);
          this.#ended.inc({ outcome: end.problem === undefined ? end.by : String(end.problem.code) });
          log.info({ by: end.by, code: end.problem?.code }, `a media stream ended${reasonOf(end.problem?.message)}`);
          listener.ended(end);
        },
      },
    });
    this.#live.add(stream);
    stream.open().catch((error: unknown) => {
      log.error({ err: error }, 'a media stream could not be opened');
      if (!this.#live.delete(stream)) return;
      listener.ended({ by: 'application', problem: problem('handshake', describeError(error)) });
    });
    return stream;
  }
}

const reasonOf = (message: string | undefined): string => (message === undefined ? '' : `: ${message}`);
