import type { Peer, PeerOptions } from './peer.ts';

/** One way that a call can go between sipp and our user agent, over any wire. */
export interface Row extends PeerOptions {
  readonly name: string;
  run(peer: Peer): Promise<void>;
}

export function row(name: string, run: (peer: Peer) => Promise<void>, options: PeerOptions = {}): Row {
  return { ...options, name, run };
}
