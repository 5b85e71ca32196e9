export { sameUri } from './contact.ts';
export { Registrar, addressOf, partsOfAddress } from './registrar.ts';
export type { PhoneOwner, RegistrarOptions } from './registrar.ts';
export { DEFAULT_POLICY, register } from './register.ts';
export type { RegisterFacts, RegisterOutcome, RegistrarPolicy } from './register.ts';
export type {
  AddressBindings,
  Binding,
  BindingStore,
  PhoneDirectory,
  PhoneDomain,
  RegistrarChange,
  StoredBindings,
} from './ports.ts';
