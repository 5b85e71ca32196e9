import { normaliseNumber } from './numbers.ts';
import type { CallDirectory, SipAdmission, SipAdmissionFacts } from './ports.ts';

function refuse(sipStatus: number, reason: string): SipAdmission {
  return { admitted: false, sipStatus, reason };
}

/**
 * Whose call is it? The source address names the trunk, the called number its application; a carrier that several
 * tenants share is told apart by the number. Every refusal says what to mend. Pure over the directory.
 */
export function admit(directory: CallDirectory, facts: SipAdmissionFacts): SipAdmission {
  const { sourceIp, calledUser, callingUser } = facts;
  const trunks = directory.trunksBySource(sourceIp);
  if (trunks.length === 0) {
    return refuse(403, `no trunk allows calls from ${sourceIp}: add the address to the allow-list of a trunk`);
  }
  const to = normaliseNumber(calledUser);
  for (const { trunkSid, accountSid } of trunks) {
    const number = directory.number(accountSid, to);
    if (number === undefined) continue;
    if (!directory.accountActive(accountSid)) return refuse(403, `account ${accountSid} of number ${to} is not active`);
    const { applicationSid } = number;
    if (applicationSid === undefined) return refuse(480, `number ${to} has no application: assign one to it`);
    if (directory.application(accountSid, applicationSid) === undefined) {
      return refuse(480, `application ${applicationSid} of number ${to} does not exist: assign another one`);
    }
    return { admitted: true, accountSid, applicationSid, trunkSid, from: normaliseNumber(callingUser), to };
  }
  const shown = to === calledUser ? to : `${to} (sent as ${calledUser})`;
  return refuse(404, `number ${shown} belongs to no account of the trunk at ${sourceIp}: create the number`);
}
