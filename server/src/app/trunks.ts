import type { OutboundTrunk, Trunks } from '../bridge/index.ts';
import type { Directory, DirectoryTrunk } from '../tenants/index.ts';

/** The bridge's way out: an account's first trunk that takes outgoing calls. */
export function directoryTrunks(directory: Directory): Trunks {
  return {
    outbound: ({ accountSid }) => {
      const trunk = directory.trunks(accountSid).find((candidate) => candidate.outbound !== undefined);
      return trunk === undefined ? undefined : toOutbound(trunk);
    },
  };
}

function toOutbound({ sid, outbound, digest, codecs }: DirectoryTrunk): OutboundTrunk | undefined {
  if (outbound === undefined) return undefined;
  return {
    trunkSid: sid,
    host: outbound.host,
    port: outbound.port,
    codecs,
    ...(digest === undefined ? {} : { credentials: { username: digest.username, password: digest.secret } }),
  };
}
