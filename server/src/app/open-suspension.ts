import type { NodeCallRouter } from '../calls/index.ts';
import type { Clock, Log, Timer } from '../kernel/index.ts';
import { isActive } from '../tenants/index.ts';
import type { Directory } from '../tenants/index.ts';

/** A call that was let in just before is seen at the second look, milliseconds. */
const AGAIN_MS = 1000;

const SUSPENDED = { cause: 'hangup-api', message: 'the account was suspended', sipStatus: 403 } as const;

export interface SuspensionParts {
  readonly directory: Pick<Directory, 'accountBySid' | 'onChange'>;
  readonly router: Pick<NodeCallRouter, 'activeCalls' | 'update'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Ends the calls of this node whose account is suspended, or that of its owner: at once when this process hears of it.
 * Returns what ends the watch.
 */
export function endCallsOfSuspended({ directory, router, clock, log }: SuspensionParts): () => void {
  let again: Timer | undefined;
  const look = (): void => {
    for (const { callSid, accountSid, phase } of router.activeCalls()) {
      if (phase === 'ended' || isActive(directory, accountSid)) continue;
      log.info({ callSid, accountSid }, 'call ended: its account is suspended');
      router.update(callSid, { kind: 'end', request: SUSPENDED });
    }
  };
  const off = directory.onChange(({ kind, sid }) => {
    if (kind !== 'account' || directory.accountBySid(sid)?.status === 'active') return;
    look();
    again?.cancel();
    again = clock.setTimer(AGAIN_MS, look);
  });
  return () => {
    off();
    again?.cancel();
  };
}
