import { serverFrameSchema } from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import type { OutboundFrame } from '../../hub/index.ts';
import type { ClientTransport } from '../ports.ts';

/** A client's transport that can be made to stand still, as one whose reader does. */
export class FakeTransport implements ClientTransport {
  readonly name = 'ws';
  readonly remoteAddress = '192.0.2.1';
  readonly frames: ServerFrame[] = [];
  /** Sizes of the writes, in frames. */
  readonly writes: number[] = [];
  bufferedBytes = 0;
  stalled = false;
  closedWith: number | undefined;
  terminated = false;

  send(frames: readonly OutboundFrame[]): void {
    this.writes.push(frames.length);
    for (const frame of frames) {
      this.frames.push(serverFrameSchema.parse(JSON.parse(frame.json)));
      if (this.stalled) this.bufferedBytes += frame.size;
    }
  }

  close(code: number): void {
    this.closedWith = code;
  }

  terminate(): void {
    this.terminated = true;
  }

  of<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }
}
