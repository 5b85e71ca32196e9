import type { ReferTarget } from '../calls/ports.ts';
import { parseReplaces, partsOfAddress } from '../sip/index.ts';
import type { ReceivedRefer } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';
import type { LegCore } from './leg.ts';
import { uriHost } from './sip-uri.ts';

const NUMBER = /^\+?[0-9*#]{2,32}$/;

/** What a party may do that was not asked about. */
export interface TransferRights {
  /** It may transfer where the account reaches: a phone of the account, or a trunk that was set up so. */
  readonly trusted: boolean;
  /** It is a carrier, which names numbers in a domain of its own. */
  readonly ofTrunk: boolean;
}

/** Hands a REFER to the call router, with what its target means here. */
export function requestTransfer(
  context: HostContext,
  core: LegCore,
  refer: ReceivedRefer,
  rights: TransferRights,
): void {
  if (core.isEnded || !core.isAnswered) {
    refer.reject(480);
    return;
  }
  const target = targetOf(context, core, refer, rights);
  const { referredBy } = refer;
  core.log.info({ target: target.uri, way: target.way.kind }, 'the far end asks for a transfer');
  core.post({
    kind: 'refer-requested',
    callSid: core.callSid,
    referId: context.refers.take(refer, core.call.rootSid),
    target,
    trusted: rights.trusted,
    ...(referredBy === undefined ? {} : { referredBy: referredBy.uri }),
  });
}

function targetOf(context: HostContext, core: LegCore, refer: ReceivedRefer, rights: TransferRights): ReferTarget {
  const { uri } = refer.target;
  const { replaces, target } = refer.invite;
  if (replaces !== undefined) return { uri, way: existingCall(context, core, replaces) };
  const outside = (sipStatus: number, problem: string): ReferTarget => ({
    uri,
    way: { kind: 'outside', sipStatus, problem },
  });
  if (/^tel:/i.test(target)) {
    const number = target.slice('tel:'.length).replace(/;.*$/, '');
    return { uri, way: { kind: 'number', number } };
  }
  const parts = partsOfAddress(target);
  if (parts === undefined) return outside(404, 'the target of the transfer has no user part');
  const { user, host } = parts;
  const phone = context.phones?.extension(core.call.accountSid, { user, host });
  if (phone !== undefined) return { uri, way: { kind: 'sip', uri: phone } };
  const own = uriHost(host) === context.settings.sipAddress.toLowerCase() || context.phones?.serves(host) === true;
  if (NUMBER.test(user) && (own || rights.ofTrunk)) return { uri, way: { kind: 'number', number: user } };
  if (own) return outside(404, `there is nobody named '${user}' to transfer to`);
  return outside(403, `transfers to ${host}, which is none of the domains here, are left to the application`);
}

function existingCall(context: HostContext, core: LegCore, replaces: string): ReferTarget['way'] {
  const dialog = parseReplaces(replaces);
  const leg = dialog === undefined ? undefined : context.table.ofDialog(dialog);
  const outside = (sipStatus: number, problem: string): ReferTarget['way'] => ({ kind: 'outside', sipStatus, problem });
  if (leg === undefined || leg.core.call.accountSid !== core.call.accountSid || leg.core.call === core.call) {
    return outside(481, 'the call to be joined is none of this server');
  }
  if (!leg.core.isAnswered) return outside(480, 'the call to be joined is not answered yet');
  return { kind: 'leg', callSid: leg.core.callSid, to: leg.core.otherParty };
}
