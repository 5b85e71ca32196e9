import { DomainError } from '../kernel/index.ts';

/**
 * Why a request to another node brought no answer. `unreachable`: nobody serves that method there; `timeout`: it may or
 * may not have been carried out; `failed`: its handler threw.
 */
export class NodeRpcError extends DomainError<'unreachable' | 'timeout' | 'failed'> {}

/** Names that are safe in a bus subject. Hints come from clients: check before they become part of one. */
export function isNodeName(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,100}$/.test(text);
}
