export { Dialog, dialogKey, dialogKeyOfRequest } from './dialog.ts';
export type { DialogSelf } from './dialog.ts';
export { offerAnswerMachine } from './offer-answer.ts';
export type { OfferAnswerInput, OfferAnswerState } from './offer-answer.ts';
export { TRYING, referNotifierMachine } from './refer-notifier.ts';
export type { NotifierEffect, NotifierInput, NotifierState, ReferReport } from './refer-notifier.ts';
export { referSubscriberMachine } from './refer-subscriber.ts';
export type { ReferOutcome, SubscriberEffect, SubscriberInput, SubscriberState } from './refer-subscriber.ts';
export { orderOf, parseRAck, parseRSeq, reliableProvisionalsMachine } from './reliable-provisionals.ts';
export type { ReliableEffect, ReliableInput, ReliableState, ReliableTimer } from './reliable-provisionals.ts';
export { formatReplaces, parseReplaces, refusalOfReplaces } from './replaces.ts';
export type { DialogId, ReplacedState, Replaces } from './replaces.ts';
export { retransmit2xxMachine } from './retransmit-2xx.ts';
export type {
  Retransmit2xxEffect,
  Retransmit2xxInput,
  Retransmit2xxState,
  Retransmit2xxTimer,
} from './retransmit-2xx.ts';
export { LEAST_INTERVAL, agreeAsServer, agreedAsClient, parseMinSe, parseSessionExpires } from './session-expires.ts';
export type { SessionExpires, SessionInterval, SessionTimerPolicy, TimerRequest } from './session-expires.ts';
export { sessionTimerMachine } from './session-timer.ts';
export type { SessionTimerEffect, SessionTimerInput, SessionTimerName, SessionTimerState } from './session-timer.ts';
export { SIPFRAG_TYPE, formatSipfrag, parseReferEvent, parseSipfrag, parseSubscriptionState } from './sipfrag.ts';
