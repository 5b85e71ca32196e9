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
  /**
   * Only of one whose nodes end with this process, which is about to finish its calls: its nodes finish theirs, and none is made any more.
   * Resolves when they have ended, or at the deadline. Never rejects.
   */
  finish?(deadlineMs: number): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
