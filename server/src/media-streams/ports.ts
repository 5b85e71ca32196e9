import type { Leg } from '../media/ports.ts';

/** Whose audio: what the leg's party says, or what it hears. */
export type StreamTrack = 'inbound' | 'outbound';

/** A stream of a leg's audio to an application's WebSocket server. */
export interface StreamRequest {
  readonly accountSid: string;
  readonly callSid: string;
  readonly streamSid: string;
  /** `wss:` or `ws:`. */
  readonly url: string;
  /** At least one. */
  readonly tracks: readonly StreamTrack[];
  /** The application is heard by the leg's party, and told of keys. */
  readonly bidirectional: boolean;
  /** Handed to the application with the start. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Whose session state goes with the upgrade request: the call that it is about, with its caller and callee. */
  readonly session?: { readonly callSid: string; readonly from: string; readonly to: string } | undefined;
}

export interface StreamProblem {
  /** Error code of Media Streams: 319xx. */
  readonly code: number;
  /** What happened, where, and what to do. */
  readonly message: string;
}

export interface StreamEnd {
  /** `application`: its server closed the connection, or it was lost; `call`: it was stopped, or the leg ended. */
  readonly by: 'application' | 'call';
  readonly problem?: StreamProblem | undefined;
}

export interface StreamListener {
  /** The application's server took the connection. */
  started(): void;
  /** Something it sent was ignored, or is too much. Each kind once a stream. */
  warning(problem: StreamProblem): void;
  /** Once, the last. */
  ended(end: StreamEnd): void;
}

/** One stream. Lives until it ended. */
export interface MediaStream {
  /** A key that the leg's party pressed. */
  digit(digit: string): void;
  /** Says goodbye to the application. `ended` follows at once. Idempotent. */
  stop(): void;
}

/** Opens streams. Implemented by media-streams/. */
export interface MediaStreams {
  /** Never throws: what is wrong comes as `ended`, never before this has returned. */
  open(request: StreamRequest, leg: Pick<Leg, 'addSink' | 'play'>, listener: StreamListener): MediaStream;
}

/** What goes with the request that opens a connection: signature, session state. Implemented by app/. */
export interface StreamHandshake {
  /** Never rejects. */
  begin(request: Pick<StreamRequest, 'accountSid' | 'callSid' | 'url' | 'session'>): Promise<{
    /** Without user name, password and fragment. */
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Values of Set-Cookie in the answer. */
    keep(setCookies: readonly string[]): void;
  }>;
}

export interface SocketHandlers {
  /** The server answered the handshake. Before `opened`. */
  upgraded(setCookies: readonly string[]): void;
  opened(): void;
  text(text: string): void;
  /** Once, also when it never opened; nothing follows. */
  closed(end: SocketEnd): void;
}
export type SocketEnd =
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  | { readonly kind: 'failed'; readonly problem: StreamProblem };

/** A connection to an application's server. */
export interface StreamSocket {
  /** Written and not taken by the operating system yet, bytes. */
  readonly bufferedBytes: number;
  send(text: string): void;
  /** After what was sent. */
  close(): void;
}

/** Opens connections. Never throws. Implemented by stream-socket.ws.ts. */
export interface StreamSockets {
  open(
    request: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
    handlers: SocketHandlers,
  ): StreamSocket;
}
