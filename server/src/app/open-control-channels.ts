import { ControlChannels, UpgradeRequests } from '../app-server/index.ts';
import type { HttpTap, SessionState, SigningKeys } from '../app-server/index.ts';
import { WsControlSockets } from '../app-server/control-channel/control-socket.ws.ts';
import type { Instructions } from '../calls/index.ts';
import type { Platform } from './platform.ts';

/** Channels to applications that stay connected while they have a call. */
export async function openControlChannels(
  { startup, clock, random, log }: Platform,
  parts: {
    readonly http: Instructions;
    readonly keys: SigningKeys;
    readonly sessions: SessionState;
    readonly tap: HttpTap;
  },
): Promise<ControlChannels> {
  return await startup.step(
    'control channels',
    () => {
      const sockets = new WsControlSockets();
      return new ControlChannels({ ...parts, sockets, upgrades: new UpgradeRequests(parts), clock, random, log });
    },
    (opened) => {
      opened.close();
    },
  );
}
