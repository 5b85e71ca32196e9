import { HUB_LIMITS, parseTopic, topics } from '@hookswitch/shared';
import type { ClientFrame, HubErrorName, ServerFrame } from '@hookswitch/shared';
import { PresenceError, mayBePresent } from '../../hub/index.ts';
import type { LeaveReason, Presence, PresenceMembership } from '../../hub/index.ts';
import { errorOf } from '../machine.ts';
import type { Session } from '../session.ts';

type Wish = Extract<ClientFrame, { type: 'subscribe' }>['presence'];
interface Refusal {
  readonly error: HubErrorName;
  readonly message: string;
}

/** What one connection is a member of. Its memberships end with their subscriptions, with the right to them, and with it. */
export class SessionPresence {
  readonly #session: Session;
  readonly #presence: Presence | undefined;
  #memberships: Map<string, PresenceMembership> | undefined;

  constructor(session: Session, presence: Presence | undefined) {
    this.#session = session;
    this.#presence = presence;
  }

  /** Whether `join` would be refused, before anything of the subscription exists. */
  refusal(topic: string, wish: Wish): Refusal | undefined {
    if (wish === undefined || wish === false) return undefined;
    const problem = this.#problem(topic);
    if (problem !== undefined) return problem;
    if ((this.#memberships?.size ?? 0) >= HUB_LIMITS.maxMemberships) {
      const message = `a connection is a member of ${HUB_LIMITS.maxMemberships} topics at most`;
      return { error: 'limitExceeded', message };
    }
    const bytes = Buffer.byteLength(JSON.stringify(this.#info(wish) ?? {}));
    if (bytes <= HUB_LIMITS.maxPresenceInfoBytes) return undefined;
    const message = `presence.info is at most ${HUB_LIMITS.maxPresenceInfoBytes} bytes of JSON, with what the token says`;
    return { error: 'payloadTooLarge', message };
  }

  /** Once subscribed. Whatever ended meanwhile is left alone. Refused only for want of room. */
  join(topic: string, wish: Wish): void {
    const session = this.#session;
    if (wish === undefined || wish === false || session.closed || !session.delivery.has(topic)) return;
    const refusal = this.#memberships?.has(topic) === true ? undefined : this.#tryJoin(topic, wish);
    if (refusal !== undefined) session.outbox.sendControl(errorOf(refusal.error, undefined, refusal.message));
  }

  leave(topic: string, reason: LeaveReason): void {
    this.#memberships?.get(topic)?.leave(reason);
    this.#memberships?.delete(topic);
  }

  /** The grants changed: memberships that they do not allow end, the client is told. */
  narrow(): void {
    const { delivery, outbox } = this.#session;
    for (const topic of [...(this.#memberships?.keys() ?? [])]) {
      const allowed = this.#problem(topic) === undefined;
      if (allowed && delivery.has(topic)) continue;
      this.leave(topic, 'not-permitted');
      if (!allowed)
        outbox.sendControl(errorOf('notPermitted', undefined, `presence on ${topic} ended: not granted any more`));
    }
  }

  close(): void {
    for (const topic of [...(this.#memberships?.keys() ?? [])]) this.leave(topic, 'disconnected');
  }

  /** The `presence` command: who is on a topic. */
  list(frame: Extract<ClientFrame, { type: 'presence' }>): ServerFrame {
    const { id, limit, after } = frame;
    const parsed = parseTopic(frame.topic, { wildcards: false });
    if (!parsed.ok) return errorOf('badTopic', id, parsed.problem);
    const { topic } = parsed;
    const problem = this.#problem(topic);
    if (problem !== undefined) return errorOf(problem.error, id, problem.message);
    const { accountSid } = this.#session.grants;
    const page = this.#presence?.members(accountSid, topic, { after, limit });
    const members = (page?.members ?? []).map(({ info, ...member }) => ({
      ...member,
      ...(info && { info: { ...info } }),
    }));
    const next = page?.next === undefined ? {} : { next: page.next };
    return { type: 'presence', id, topic, members, occupancy: page?.occupancy ?? 0, ...next };
  }

  #problem(topic: string): Refusal | undefined {
    if (this.#presence === undefined) return { error: 'unknownCommand', message: 'this server has no presence' };
    // Its events need room for theirs.
    const parsed = parseTopic(topics.presence(topic, 'joined'), { wildcards: false });
    if (!parsed.ok) return { error: 'badTopic', message: `presence on ${topic}: ${parsed.problem}` };
    if (mayBePresent(this.#session.grants, topic)) return undefined;
    return { error: 'notPermitted', message: `the token does not grant presence on ${topic}` };
  }

  #tryJoin(topic: string, wish: true | { info?: Record<string, unknown> | undefined }): Refusal | undefined {
    const refusal = this.refusal(topic, wish);
    if (refusal !== undefined || this.#presence === undefined) return refusal;
    const { id, grants } = this.#session;
    const { accountSid, identity } = grants;
    try {
      const membership = this.#presence.join({ accountSid, topic, connection: id, identity, info: this.#info(wish) });
      (this.#memberships ??= new Map()).set(topic, membership);
      return undefined;
    } catch (error) {
      if (error instanceof PresenceError) return { error: 'limitExceeded', message: error.message };
      throw error;
    }
  }

  /** What the token says cannot be said otherwise by the client. */
  #info(wish: true | { info?: Record<string, unknown> | undefined }): Record<string, unknown> | undefined {
    const { info } = this.#session.grants;
    const own = wish === true ? undefined : wish.info;
    return own === undefined && info === undefined ? undefined : { ...own, ...info };
  }
}
