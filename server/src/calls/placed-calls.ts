import type { CallRequestStore, CallUse, PlaceOutcome, StoredRequest } from '../cluster/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import { callOrderSchema } from './call-order.ts';
import type { CallOrder } from './call-order.ts';
import { openOrder } from './order-secrets.ts';
import type { CallMachineDetection } from './ports.ts';
import type { RequestEnds } from './request-ends.ts';
import type { NodeCallRouter, PlaceCallRequest } from './router.ts';

export interface PlacedCallsOptions {
  readonly store: Pick<CallRequestStore, 'move' | 'remove'>;
  readonly router: Pick<NodeCallRouter, 'placeCall'>;
  /** Name of this process. */
  readonly node: string;
  /** A request that cannot be placed: its call is over. */
  readonly failed: (request: StoredRequest, message: string) => void;
  /** Opens what a request keeps sealed. */
  readonly open: (sealed: string, context: string) => string;
  /** @returns gives the channel back unless the call has taken it, idempotent; undefined: none is free */
  readonly reserveChannel: (call: {
    readonly accountSid: string;
    readonly callSid: string;
    readonly number: string;
  }) => Promise<(() => void) | undefined>;
  readonly ends: Pick<RequestEnds, 'tell'>;
  readonly log: Log;
}

/**
 * Places the calls that the scheduler hands to this node. A request is marked as dialling before anything leaves: a crash
 * before has it placed by another node, a crash after ends the call, and it is never dialled twice. The mark goes when
 * the call is over.
 */
export class PlacedCalls {
  readonly #options: PlacedCallsOptions;

  constructor(options: PlacedCallsOptions) {
    this.#options = options;
  }

  /**
   * `gone`: it was taken back, or somebody else dials. `refused`: this node takes no calls now. `no-channel`: its trunks are full.
   *
   * @param takesChannel whether it takes a channel of a trunk first
   */
  async place(request: StoredRequest, { takesChannel }: { readonly takesChannel: boolean }): Promise<PlaceOutcome> {
    const { accountSid, callSid } = request;
    const order = callOrderSchema.safeParse(request.order);
    const target = order.data?.target;
    if (!takesChannel || target?.kind !== 'number') return await this.#place(request, order, () => undefined);
    const release = await this.#options.reserveChannel({ accountSid, callSid, number: target.number });
    if (release === undefined) return 'no-channel';
    let outcome: PlaceOutcome = 'gone';
    try {
      return (outcome = await this.#place(request, order, release));
    } finally {
      if (outcome !== 'placed') release();
    }
  }

  /** @param release gives back what was taken for the call */
  async #place(request: StoredRequest, order: ParsedOrder, release: () => void): Promise<PlaceOutcome> {
    const { store, router, node } = this.#options;
    const marked = await store.move(request, 'dialling', node);
    if (marked === undefined) return 'gone';
    const { accountSid, callSid } = request;
    const onOver = (use?: CallUse): void => {
      release();
      this.#remove(marked, use);
    };
    if (!order.success) {
      this.#options.failed(marked, 'the request is not one that this version can place');
      onOver();
      return 'placed';
    }
    const given = this.#opened(order.data, callSid);
    if (given === undefined) {
      this.#options.failed(marked, 'the password of the SIP address does not open: was the master key changed?');
      onOver();
      return 'placed';
    }
    const placed = router.placeCall({ ...requestOf(given), callSid, accountSid, onOver });
    if (placed !== undefined) return 'placed';
    // Nothing has left: another node may have it.
    this.#options.ends.tell(callSid, () => store.move(marked, 'queued'));
    return 'refused';
  }

  #opened(order: CallOrder, callSid: string): CallOrder | undefined {
    try {
      return openOrder(order, callSid, this.#options.open);
    } catch (error) {
      this.#options.log.error({ callSid, reason: describeError(error) }, 'a sealed password does not open');
      return undefined;
    }
  }

  #remove({ accountSid, callSid }: StoredRequest, use: CallUse | undefined): void {
    this.#options.ends.tell(callSid, () => this.#options.store.remove(accountSid, callSid, use));
  }
}

type ParsedOrder = ReturnType<typeof callOrderSchema.safeParse>;

function requestOf(order: CallOrder): Omit<PlaceCallRequest, 'accountSid'> {
  const { from, to, target, application, document, timeoutMs, timeLimitMs, record, machineDetection } = order;
  const { applicationSid, voice, fallback, statusCallback } = application;
  return {
    from,
    to,
    timeoutMs,
    target:
      target.kind === 'client'
        ? target
        : target.kind === 'number'
          ? { ...target, sendDigits: target.sendDigits }
          : { ...target, username: target.username, password: target.password },
    application: { applicationSid, voice, fallback, statusCallback },
    ...(document === undefined ? {} : { document }),
    ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
    ...(machineDetection === undefined ? {} : { machineDetection: detectionOf(machineDetection) }),
    ...(record === undefined ? {} : { record: { ...record, callback: record.callback } }),
  };
}

function detectionOf({ options, background }: NonNullable<CallOrder['machineDetection']>): CallMachineDetection {
  return { options, background: background === undefined ? undefined : { callback: background.callback } };
}
