export { PhoneService } from './phone-service.ts';
export type { PhoneServiceParts } from './phone-service.ts';
export { ForkedCall, bestFailure } from './forked-call.ts';
export type { PhoneRoute, PhoneRoutes } from './routes.ts';
export type { PhoneConfiguration, PhoneDomainFacts, PhoneUserFacts } from './ports.ts';
