export { BridgeRequests } from './bridge-requests.ts';
export type { BridgeRequestsOptions } from './bridge-requests.ts';
export { BridgeRequestError } from './request-error.ts';
export { ExpiryWatch } from './expiry-watch.ts';
export { OfferPushes } from './offer-pushes.ts';
export { documentOf, paramsOf } from './instructions.ts';
