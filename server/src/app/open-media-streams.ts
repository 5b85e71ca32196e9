import { UpgradeRequests } from '../app-server/index.ts';
import type { SessionState } from '../app-server/index.ts';
import { NodeMediaStreams } from '../media-streams/index.ts';
import { WsStreamSockets } from '../media-streams/stream-socket.ws.ts';
import type { Directory } from '../tenants/index.ts';
import type { Platform } from './platform.ts';

/** Media streams of this node's calls, signed and with session state as every request of them. They end with their legs. */
export function openMediaStreams(
  { clock, log, metrics }: Platform,
  { directory, sessions }: { readonly directory: Directory; readonly sessions: SessionState },
): NodeMediaStreams {
  const upgrades = new UpgradeRequests({ keys: directory, sessions });
  return new NodeMediaStreams({
    clock,
    log,
    metrics,
    sockets: new WsStreamSockets({ clock }),
    handshake: {
      begin: async ({ accountSid, callSid, url, session }) => {
        const upgrade = await upgrades.begin({ accountSid, callSid, url, ...session });
        if (upgrade === undefined) return { url, headers: {}, keep: () => undefined };
        return { ...upgrade, keep: (setCookies) => void upgrade.keep(setCookies) };
      },
    },
  });
}
