import type { CallControlReply, CallControlRequest } from '../../calls/ports.ts';

/** What becomes of a connection, in this order: `upgraded`, `opened`, `text`..., `closed`. */
export interface ControlHandlers {
  /** The server answered the upgrade with these cookies, taken or refused. */
  upgraded(setCookies: readonly string[]): void;
  opened(): void;
  text(text: string): void;
  /** Once, also when it never opened; nothing follows. @param why a sentence */
  closed(why: string): void;
}

export interface ControlSocket {
  /** Bytes that the far end has not taken yet. */
  readonly bufferedBytes: number;
  send(text: string): void;
  /** `closed` does not follow. Idempotent. */
  close(code: number): void;
}

/** WebSockets to applications. */
export interface ControlSockets {
  /** Never throws. @param request.connectMs until the upgrade is answered */
  open(
    request: { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly connectMs: number },
    handlers: ControlHandlers,
  ): ControlSocket;
}

/** Acts on a live call. Never rejects. */
export type ControlCall = (request: CallControlRequest) => Promise<CallControlReply>;
