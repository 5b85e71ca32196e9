export { Authenticator } from './auth.ts';
export { PageTokens } from './page-tokens.ts';
export { LoginLimiter } from './login-limiter.ts';
export type { QueuePlace, QueuePlaces } from './queue-places.ts';
export type { NatsAccess, RestServices } from './services.ts';
