import { DomainError } from '../kernel/index.ts';

/** Faults of the bus itself. */
export class BusError extends DomainError<
  | 'binary-missing'
  | 'start-failed'
  | 'unreachable'
  | 'closed'
  | 'bad-url'
  | 'shards'
  | 'stream-missing'
  | 'reload-failed'
> {}

/** `conflict`: the revision was not the current one. `invalid`: a stored value does not fit its schema. */
export class KvError extends DomainError<'conflict' | 'invalid' | 'unavailable'> {}

/**
 * A node-to-node request failed. `no-responders`: no such node (or it does not serve the method) right now, nothing was
 * done. `timeout`: unknown whether it was done. `remote`: the other node answered with an error, `details.remoteReason`
 * holds its reason word. `unavailable`: not connected to NATS.
 */
export class RpcError extends DomainError<'no-responders' | 'timeout' | 'remote' | 'unavailable'> {}
