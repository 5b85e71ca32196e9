import type { CallOrder } from './call-order.ts';

/** What the password of a SIP address to be called is sealed for. */
export const orderContext = (callSid: string): string => `call:${callSid}:sipPassword`;

type Cipher = (text: string, context: string) => string;

/** The order as it may be stored: a password in it is sealed. */
export function sealOrder(order: CallOrder, callSid: string, seal: Cipher): CallOrder {
  const { target } = order;
  if (target.kind !== 'sip' || target.password === undefined) return order;
  const { password, ...others } = target;
  return { ...order, target: { ...others, sealedPassword: seal(password, orderContext(callSid)) } };
}

/** The order as it was given. @throws whatever `open` throws */
export function openOrder(order: CallOrder, callSid: string, open: Cipher): CallOrder {
  const { target } = order;
  if (target.kind !== 'sip' || target.sealedPassword === undefined) return order;
  const { sealedPassword, ...others } = target;
  return { ...order, target: { ...others, password: open(sealedPassword, orderContext(callSid)) } };
}
