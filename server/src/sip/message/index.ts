export { HeaderList, SipMessageError } from './header-list.ts';
export type { HeaderLine, SipMessageReason } from './header-list.ts';
export { NO_PARAMS, breaksLine, formatParams, isToken, quote, splitList, unquote, withParam } from './lexical.ts';
export type { Params } from './lexical.ts';
export { NO_BODY, SipRequest, SipResponse, createRequest, createResponse, reasonPhrase } from './message.ts';
export type { AnyMessage, HeaderPair } from './message.ts';
export { headerKey, headerTitle } from './names.ts';
export { PARSE_LIMITS, parseMessage, startsLikeSip } from './parse.ts';
export type { ParsedMessage, Problem, ProblemCode } from './parse.ts';
export { checkMessage, refusal } from './check.ts';
export { serialize } from './serialize.ts';
export { escapeUser, formatHost, formatUri, parseHostPort, parseUri, unescapeUser } from './uri.ts';
export type { OtherUri, SipUri, TelUri, Uri } from './uri.ts';
export {
  formatNameAddr,
  formatReason,
  formatVia,
  parseAuth,
  parseCSeq,
  parseNameAddr,
  parseNumber,
  parseReason,
  parseVia,
} from './values.ts';
export type { AuthValue, CSeq, NameAddr, Reason, Via } from './values.ts';
