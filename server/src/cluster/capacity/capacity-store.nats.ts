import { z } from 'zod';
import { KvBucket, kvKey, parseKvKey } from '../../bus/index.ts';
import type { Bus } from '../../bus/index.ts';
import type { CapacityDecision, CapacityStore, LoadDay } from './ports.ts';

const daySchema = z.object({
  kind: z.literal('day'),
  day: z.number(),
  everyMs: z.number(),
  loads: z.array(z.number().nullable()),
});
const decisionSchema = z.object({
  kind: z.literal('decision'),
  at: z.number(),
  action: z.enum(['expand', 'contract', 'hold']),
  ...{ nodes: z.number(), wanted: z.number(), load: z.number(), expected: z.number(), error: z.number() },
  ...{ expectedAt: z.number(), channels: z.number(), wouldWait: z.number() },
  reasons: z.array(z.string()),
});
const recordSchema = z.discriminatedUnion('kind', [daySchema, decisionSchema]);
type CapacityRecord = z.infer<typeof recordSchema>;

/** The KV bucket `capacity`: a key for each day, at most 35 of some 8 KiB, and at most 500 decisions. */
export class NatsCapacityStore implements CapacityStore {
  readonly #bucket: KvBucket<CapacityRecord>;

  private constructor(bucket: KvBucket<CapacityRecord>) {
    this.#bucket = bucket;
  }

  /** @throws KvError */
  static async open(bus: Bus): Promise<NatsCapacityStore> {
    return new NatsCapacityStore(await KvBucket.open(bus, { name: 'capacity', schema: recordSchema }));
  }

  async days(): Promise<readonly LoadDay[]> {
    return (await this.#all('day')).flatMap((record) => (record.kind === 'day' ? [record] : []));
  }

  async saveDay(day: LoadDay): Promise<void> {
    await this.#bucket.put(kvKey('day', String(day.day)), { kind: 'day', ...day, loads: [...day.loads] });
  }

  removeDay(day: number): Promise<void> {
    return this.#bucket.delete(kvKey('day', String(day)));
  }

  async decisions(): Promise<readonly CapacityDecision[]> {
    return (await this.#all('decision')).flatMap((record) => (record.kind === 'decision' ? [record] : []));
  }

  async saveDecision(slot: number, decision: CapacityDecision): Promise<void> {
    const record = { kind: 'decision' as const, ...decision, reasons: [...decision.reasons] };
    await this.#bucket.put(kvKey('decision', String(slot)), record);
  }

  async #all(kind: CapacityRecord['kind']): Promise<CapacityRecord[]> {
    const keys = (await this.#bucket.keys()).filter((key) => parseKvKey(key)?.[0] === kind);
    const values = await Promise.all(keys.map((key) => this.#bucket.get(key)));
    return values.flatMap((found) => found?.value ?? []);
  }
}
