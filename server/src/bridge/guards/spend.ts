const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What an account's calls came to in the minute, hour and day (UTC) that they name by number since 1970. */
export interface Spend {
  readonly minute: number;
  readonly calls: number;
  readonly hour: number;
  readonly inHour: number;
  readonly day: number;
  readonly inDay: number;
}

/** More, or, when something did not come to be, less. */
export interface SpendChange {
  readonly calls: number;
  readonly amount: number;
}

const NOTHING: Spend = { minute: 0, calls: 0, hour: 0, inHour: 0, day: 0, inDay: 0 };

/** @returns the same for now: what belongs to a minute, hour or day that is over counts no longer */
export function spendAt(spend: Spend | undefined, now: number): Spend {
  const { minute, calls, hour, inHour, day, inDay } = spend ?? NOTHING;
  const [thisMinute, thisHour, thisDay] = [MINUTE_MS, HOUR_MS, DAY_MS].map((ms) => Math.floor(now / ms)) as [
    number,
    number,
    number,
  ];
  return {
    minute: thisMinute,
    calls: minute === thisMinute ? calls : 0,
    hour: thisHour,
    inHour: hour === thisHour ? inHour : 0,
    day: thisDay,
    inDay: day === thisDay ? inDay : 0,
  };
}

export function spendMore(spend: Spend | undefined, { calls, amount }: SpendChange, now: number): Spend {
  const before = spendAt(spend, now);
  return {
    ...before,
    calls: Math.max(0, before.calls + calls),
    inHour: Math.max(0, before.inHour + amount),
    inDay: Math.max(0, before.inDay + amount),
  };
}
