export { createRegistration } from './registration.ts';
export type { Registration, RegistrationOptions, RegistrationStatus } from './registration.ts';
