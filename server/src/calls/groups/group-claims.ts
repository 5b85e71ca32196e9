import { sidFromHex } from '@hookswitch/shared';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Random } from '../../kernel/index.ts';
import { GroupError } from './group-error.ts';
import type { GroupKey, GroupKind, GroupRecord, GroupStore, NodeStanding, StoredGroup } from './ports.ts';

export interface GroupClaimsOptions {
  readonly store: GroupStore;
  readonly node: string;
  readonly standing: NodeStanding;
  readonly clock: Clock;
  readonly random: Random;
}

/** Who owns a group now. */
export interface Claim extends StoredGroup {
  /** By this claim. */
  readonly made: boolean;
  /** The one of a dead node that this claim has put away. */
  readonly replaced: GroupRecord | undefined;
}

/** Times that a claim is tried anew after somebody else was faster. */
const ATTEMPTS = 8;

/** Who owns a group: found in the store, or claimed for this node by compare-and-swap when nobody living has it. */
export class GroupClaims {
  readonly #options: GroupClaimsOptions;

  constructor(options: GroupClaimsOptions) {
    this.#options = options;
  }

  get node(): string {
    return this.#options.node;
  }

  get standing(): NodeStanding {
    return this.#options.standing;
  }

  /**
   * The group of this name, made or taken over when nobody living owns it. Its `node` may be another one.
   * @param options.fresh a taken over group is a new one with a sid of its own (a conference ends with its node)
   * @throws GroupError
   */
  async claim(key: GroupKey, options: { readonly fresh: boolean }): Promise<Claim> {
    const { store } = this.#options;
    let replaced: GroupRecord | undefined;
    for (let attempt = 0; ; attempt++) {
      try {
        const held = await store.get(key);
        if (held === undefined) return { ...(await store.create(this.#newRecord(key))), made: true, replaced };
        if (this.isOwned(held.record)) return { ...held, made: false, replaced };
        if (!options.fresh) {
          return {
            ...(await store.update({ ...held.record, ...this.#ownership }, held.revision)),
            made: false,
            replaced,
          };
        }
        await store.remove(held.record, held.revision);
        replaced = held.record;
      } catch (error) {
        if (!(error instanceof GroupError) || error.reason !== 'conflict' || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  /** A group that is made and owned by nobody yet. @throws GroupError `conflict` when there is one of this name */
  create(key: GroupKey, facts: Pick<GroupRecord, 'maxSize'>): Promise<StoredGroup> {
    return this.#options.store.create({ ...this.#newRecord(key), ...facts, node: undefined, fence: 0 });
  }

  /** Whether a living node owns it. */
  isOwned({ node, fence }: GroupRecord): boolean {
    const { standing } = this.#options;
    if (node === undefined) return false;
    if (node === this.node) return fence === standing.fence;
    return standing.isAlive(node) && !standing.isFenced(node, fence);
  }

  find(kind: GroupKind, accountSid: string, sid: string): Promise<StoredGroup | undefined> {
    return this.#options.store.find(kind, accountSid, sid);
  }

  list(kind: GroupKind, accountSid: string): Promise<readonly GroupRecord[]> {
    return this.#options.store.list(kind, accountSid);
  }

  /** Changes facts of the group, whoever owns it. Undefined: there is none of this sid. @throws GroupError */
  change(
    kind: GroupKind,
    accountSid: string,
    sid: string,
    facts: Pick<GroupRecord, 'maxSize'>,
  ): Promise<GroupRecord | undefined> {
    const { store } = this.#options;
    return this.#again(
      () => store.find(kind, accountSid, sid),
      ({ record, revision }) => store.update({ ...record, ...facts }, revision),
    );
  }

  /** Gives the group another name, whoever owns it. Undefined: there is none of this sid. @throws GroupError `taken` */
  rename(key: GroupKey, sid: string): Promise<GroupRecord | undefined> {
    const { kind, accountSid, name } = key;
    const { store } = this.#options;
    return this.#again(
      () => store.find(kind, accountSid, sid),
      (held) => (held.record.name === name ? Promise.resolve(held) : store.rename(held.record, held.revision, name)),
    );
  }

  /** Work on what is there now, until nobody was faster. */
  async #again(
    find: () => Promise<StoredGroup | undefined>,
    work: (held: StoredGroup) => Promise<StoredGroup>,
  ): Promise<GroupRecord | undefined> {
    for (let attempt = 0; ; attempt++) {
      const held = await find();
      if (held === undefined) return undefined;
      try {
        return (await work(held)).record;
      } catch (error) {
        if (!(error instanceof GroupError) || error.reason !== 'conflict' || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  /** Removes a group that nobody living owns. False when somebody does, or it is gone. @throws GroupError */
  async removeUnowned(kind: GroupKind, accountSid: string, sid: string): Promise<boolean> {
    const { store } = this.#options;
    const held = await store.find(kind, accountSid, sid);
    if (held === undefined || this.isOwned(held.record)) return false;
    await store.remove(held.record, held.revision);
    return true;
  }

  /** The group is over. Somebody who has taken it meanwhile keeps it. @throws GroupError `unavailable` */
  async remove(key: GroupKey, sid: string): Promise<void> {
    await this.#change(key, sid, (held) => this.#options.store.remove(held.record, held.revision));
  }

  /** Nobody has it in memory any more; the group itself stays. @throws GroupError `unavailable` */
  async disown(key: GroupKey, sid: string): Promise<void> {
    await this.#change(key, sid, (held) =>
      this.#options.store.update({ ...held.record, node: undefined, fence: 0 }, held.revision),
    );
  }

  get #ownership(): Pick<GroupRecord, 'node' | 'fence'> {
    return { node: this.node, fence: this.#options.standing.fence };
  }

  #newRecord({ kind, accountSid, name }: GroupKey): GroupRecord {
    const { random, clock } = this.#options;
    const sid = sidFromHex(kind, randomHex(random, 16));
    return { kind, accountSid, name, sid, createdAt: clock.now(), ...this.#ownership };
  }

  async #change(key: GroupKey, sid: string, work: (held: StoredGroup) => Promise<unknown>): Promise<void> {
    const held = await this.#options.store.get(key);
    const { record } = held ?? {};
    if (held === undefined || record?.sid !== sid || record.node !== this.node) return;
    try {
      await work(held);
    } catch (error) {
      if (!(error instanceof GroupError) || error.reason !== 'conflict') throw error;
    }
  }
}
