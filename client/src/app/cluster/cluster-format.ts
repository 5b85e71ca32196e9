const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** `12,345`. */
export const formatCount = (value: number): string => whole.format(value);
/** `12.3`. */
export const formatTenth = (value: number): string => tenth.format(value);
/** `34 %`. */
export const formatShare = (share: number): string => `${whole.format(share * 100)} %`;

/** `12 s`, `3 min`, `2 h`, `4 days`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** `14:05`; of another day `Mon 14:05`. */
export function formatMoment(iso: string, now: number): string {
  const time = new Date(iso);
  const clock = time.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const isToday = time.toDateString() === new Date(now).toDateString();
  return isToday ? clock : `${time.toLocaleDateString('en-GB', { weekday: 'short' })} ${clock}`;
}

/** The rest of an identifier is for machines. */
export const shortSid = (sid: string): string => `${sid.slice(0, 8)}…`;

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;
