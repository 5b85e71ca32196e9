/** `4:07`, `1:02:09`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A party as people read it: `client:bob` is bob, `sip:bob@host;x=y` is bob@host. */
export function formatPeer(address: string): string {
  const sip = /^sips?:([^;?>]+)/.exec(address);
  if (sip?.[1] !== undefined) return sip[1];
  return address.startsWith('client:') ? address.slice('client:'.length) : address || 'unknown';
}

/** Time of day with milliseconds, in the reader's zone. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${day}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}
