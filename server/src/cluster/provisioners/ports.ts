/** Ports of provisioning: who makes nodes and takes them away. */
import type { Member } from '../membership/ports.ts';

/** A node that may be taken away. */
export type ProvisionedNode = Pick<Member, 'node' | 'addresses' | 'roles'>;

/** Makes nodes of one role, and takes them away. */
export interface Provisioner {
  /** Nodes that it made announce this name in their lease, as `provisioner`: no others are taken away. */
  readonly name: string;
  /** Has one more node made. Resolves when that is under way or done; the node joins by itself. Rejects with ProvisionError. */
  start(): Promise<void>;
  /** Has a node taken away: it drains, and ends. Resolves when that is under way. Rejects with ProvisionError. */
  stop(node: ProvisionedNode): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
