export const NUMBER_TYPES = [
  'local',
  'toll-free',
  'mobile',
  'national',
  'shared-cost',
  'voip',
  'machine-to-machine',
] as const;
export type NumberType = (typeof NUMBER_TYPES)[number];
/** A number that the operator has for accounts to take. */
export interface PoolNumber {
  /** E.164. */
  readonly number: string;
  /** ISO 3166-1, two capital letters. */
  readonly country: string;
  readonly type: NumberType;
  readonly locality: string | null;
  readonly region: string | null;
}
export interface PoolQuery {
  readonly country?: string | undefined;
  readonly type?: NumberType | undefined;
  readonly number?: string | undefined;
  /** A part of it, `*` for any one digit. */
  readonly contains?: string | undefined;
  readonly startsWith?: string | undefined;
  /** Any case. */
  readonly locality?: string | undefined;
  readonly region?: string | undefined;
  /** Behind this one. */
  readonly after?: string | undefined;
  readonly limit: number;
}
/**
 * Numbers of the operator. One that an account takes (`TenantRepository.insert`) is not available until it gives it up:
 * taking is as atomic as a number is unique. @throws TenantError `unavailable`
 */
export interface NumberPool {
  /** Adds them, or replaces what is said of them. */
  add(numbers: readonly PoolNumber[]): Promise<void>;
  /** Accounts that have it keep it. False when it was not there. */
  remove(number: string): Promise<boolean>;
  /** In the order of the digits. */
  available(query: PoolQuery): Promise<PoolNumber[]>;
  /** What is available, of which types, by country. */
  countries(): Promise<{ readonly country: string; readonly types: readonly NumberType[] }[]>;
}
