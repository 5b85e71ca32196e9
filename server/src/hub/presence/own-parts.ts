import { partKey } from './keys.ts';
import { OwnPart } from './own-part.ts';

/** All records of this node: found by key, and by topic when a new member needs room. */
export class OwnParts {
  readonly #node: string;
  readonly #perPart: number;
  readonly #byKey = new Map<string, OwnPart>();
  readonly #byTopic = new Map<string, Map<number, OwnPart>>();

  constructor(node: string, perPart: number) {
    this.#node = node;
    this.#perPart = perPart;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get members(): number {
    let count = 0;
    for (const part of this.#byKey.values()) count += part.size;
    return count;
  }

  get(key: string): OwnPart | undefined {
    return this.#byKey.get(key);
  }

  parts(): Iterable<OwnPart> {
    return this.#byKey.values();
  }

  /** One that can take another member; a new one when all are full. */
  withRoom(accountSid: string, topic: string): OwnPart {
    const at = topicKey(accountSid, topic);
    let parts = this.#byTopic.get(at);
    if (parts === undefined) this.#byTopic.set(at, (parts = new Map<number, OwnPart>()));
    for (const part of parts.values()) if (part.size < this.#perPart) return part;
    let number = 0;
    while (parts.has(number)) number += 1;
    const name = { accountSid, topic, node: this.#node, part: number };
    const part = new OwnPart(partKey(name), name);
    parts.set(number, part);
    this.#byKey.set(part.key, part);
    return part;
  }

  remove(part: OwnPart): void {
    const { accountSid, topic, part: number } = part.name;
    this.#byKey.delete(part.key);
    const at = topicKey(accountSid, topic);
    const parts = this.#byTopic.get(at);
    parts?.delete(number);
    if (parts?.size === 0) this.#byTopic.delete(at);
  }
}

const topicKey = (accountSid: string, topic: string): string => `${accountSid} ${topic}`;
