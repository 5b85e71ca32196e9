import { DelegatingInstructions } from '../app-server/index.ts';
import type { DelegateStore } from '../app-server/index.ts';
import { NatsDelegateStore } from '../app-server/delegates/delegate-store.nats.ts';
import { programFromResponse } from '../calls/index.ts';
import type { Instructions } from '../calls/index.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Delegates of applications, and instructions that ask them. */
export async function openDelegates(
  { startup, log }: Platform,
  { bus, inner }: { readonly bus: BusParts; readonly inner: Instructions },
): Promise<{ delegates: DelegateStore; delegating: Instructions }> {
  const delegates = await startup.step(
    'delegates',
    () => NatsDelegateStore.open(bus.bus),
    (opened) => {
      opened.close();
    },
  );
  const delegating = new DelegatingInstructions({
    inner,
    delegates,
    problemOf: (response) => {
      const result = programFromResponse(response);
      return result.ok ? undefined : result.message;
    },
    log,
  });
  return { delegates, delegating };
}
