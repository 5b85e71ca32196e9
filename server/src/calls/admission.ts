import type { CallDirectory, SipAdmission, SipAdmissionFacts, SipRefusalKind } from './ports.ts';

/**
 * Whose call is it? The source names the trunks it may have come by (several tenants may share a carrier), the called
 * number decides between them; each reads the number by its own number plan. Every refusal says what to mend. Pure over
 * the directory.
 */
export function admit(directory: CallDirectory, facts: SipAdmissionFacts): SipAdmission {
  const { candidates, calledUser, sourceIp } = facts;
  for (const { trunkSid, accountSid: ownerSid, shared, from, to } of candidates) {
    const number = directory.number(ownerSid, to, shared);
    if (number === undefined) continue;
    const { accountSid, applicationSid } = number;
    const refuse = (kind: SipRefusalKind, problem: string): SipAdmission => ({
      admitted: false,
      kind,
      problem,
      accountSid,
      trunkSid,
      from,
      to,
    });
    if (!directory.accountActive(accountSid)) {
      return refuse('account-inactive', `account ${accountSid} of number ${to} is not active`);
    }
    if (applicationSid === undefined) return refuse('number-without-application', `number ${to} has no application`);
    if (directory.application(accountSid, applicationSid) === undefined) {
      return refuse('application-missing', `application ${applicationSid} of number ${to} does not exist`);
    }
    return { admitted: true, accountSid, applicationSid, trunkSid, from, to };
  }
  return unknownNumber(candidates, calledUser, sourceIp);
}

/** Nobody's number. It is an account's affair only when no other account shares the source. */
function unknownNumber(
  candidates: SipAdmissionFacts['candidates'],
  calledUser: string,
  sourceIp: string,
): Extract<SipAdmission, { admitted: false }> {
  const [first] = candidates;
  const to = first?.to ?? calledUser;
  const shown = to === calledUser ? to : `${to} (sent as ${calledUser})`;
  const problem = `number ${shown} belongs to no account of the trunk at ${sourceIp}`;
  const refused = { admitted: false, kind: 'number-unknown', problem, from: first?.from ?? '', to } as const;
  if (first === undefined || candidates.some(({ accountSid }) => accountSid !== first.accountSid)) return refused;
  return { ...refused, accountSid: first.accountSid, trunkSid: first.trunkSid };
}
