import type { ListPart } from './ports.ts';

// What accounts declare beside their configuration: usage triggers and caller ids. See ports.ts.

/** A webhook that is told once the usage reaches a value. */
export interface UsageTriggerRecord {
  readonly sid: string;
  readonly accountSid: string;
  readonly name: string;
  readonly category: string;
  readonly triggerBy: 'count' | 'usage' | 'price';
  readonly value: number;
  /** `value` counts from `base`, where the usage stood when it was made. */
  readonly relative: boolean;
  readonly base: number;
  readonly recurring: 'daily' | 'monthly' | 'yearly' | null;
  readonly callbackUrl: string;
  readonly callbackMethod: 'GET' | 'POST';
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly firedAt: string | null;
  /** First day of the period that it fired in. */
  readonly firedFor: string | null;
}

export interface UsageTriggers {
  insert(trigger: UsageTriggerRecord): Promise<void>;
  get(accountSid: string, sid: string): Promise<UsageTriggerRecord | undefined>;
  list(
    part: ListPart & Partial<Pick<UsageTriggerRecord, 'category' | 'triggerBy' | 'recurring'>>,
  ): Promise<UsageTriggerRecord[]>;
  update(
    accountSid: string,
    sid: string,
    changes: Partial<Pick<UsageTriggerRecord, 'name' | 'callbackUrl' | 'callbackMethod' | 'updatedAt'>>,
  ): Promise<boolean>;
  remove(accountSid: string, sid: string): Promise<boolean>;
  /** Of these accounts, those that may still fire. */
  armed(accountSids: readonly string[]): Promise<UsageTriggerRecord[]>;
  /** @returns false when it fired for this period already */
  fire(sid: string, at: string, period: string): Promise<boolean>;
}

/** A number that an account may show as its caller. */
export interface CallerIdRecord {
  readonly sid: string;
  readonly accountSid: string;
  /** E.164. */
  readonly number: string;
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}
export interface CallerIds {
  /** @returns the one that is there, if the number is one already */
  insert(record: CallerIdRecord): Promise<CallerIdRecord>;
  get(accountSid: string, sid: string): Promise<CallerIdRecord | undefined>;
  byNumber(accountSid: string, number: string): Promise<CallerIdRecord | undefined>;
  list(
    part: ListPart & { readonly number?: string | undefined; readonly name?: string | undefined },
  ): Promise<CallerIdRecord[]>;
  rename(accountSid: string, sid: string, change: Pick<CallerIdRecord, 'name' | 'updatedAt'>): Promise<boolean>;
  remove(accountSid: string, sid: string): Promise<boolean>;
}
