import type { Clock, Log, Random } from '../../kernel/index.ts';
import { describeError, randomHex } from '../../kernel/index.ts';
import { isConflict } from '../cache/cache-error.ts';
import { GrowingBody } from '../cache/growing-body.ts';
import type { HotBodies } from '../cache/hot-bodies.ts';
import { sha256 } from '../cache/hot-bodies.ts';
import type { HotCatalog } from '../cache/hot-catalog.ts';
import type { BodyStore, CatalogEntry, CatalogKey, Flights, RenditionRecord } from '../cache/ports.ts';
import { sniffedType } from '../processing/sniff.ts';
import type { Addressed } from './addresses.ts';
import { digestOf, idOf } from './addresses.ts';
import { audioFacts } from './audio-facts.ts';
import type { AudioForm } from './forms.ts';
import type { Allowance, Converter } from './ports.ts';

export interface RenditionsOptions {
  readonly catalog: HotCatalog;
  readonly bodies: BodyStore;
  readonly hot: HotBodies;
  readonly flights: Flights;
  readonly converter: Converter;
  readonly allowance: Allowance;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told how long each conversion took. */
  readonly onConverted?: (accountSid: string, milliseconds: number) => void;
}

/** What audio is to be made of. */
export interface Content {
  readonly accountSid: string;
  /** Of the source's record. */
  readonly source: string;
  readonly contentHash: string;
  readonly contentType: string;
  /** Whether the audio may be kept. */
  readonly kept: boolean;
  /** Nobody waits for it. */
  readonly ahead?: boolean | undefined;
  body(): Promise<Uint8Array | undefined>;
}

export interface Rendition {
  readonly digest: string;
  /** Whole, or as far as it is made. */
  readonly body: Uint8Array | GrowingBody;
  readonly made: boolean;
}

/** The content that was to be converted is not there any more. */
export class LostContent extends Error {}

/** Conversions of others that are waited for, before it is done here beside them. */
const MOST_TURNS = 4;
/** When a rendition was last used is written down once in this time, milliseconds. */
const USED_EVERY_MS = 3_600_000;

/**
 * Audio of contents in the forms that legs take: each is made once in the cluster, given out while it is being made, and kept under
 * its digest. A rendition is the same bytes for ever, so that every copy of it is right.
 */
export class Renditions {
  readonly #options: RenditionsOptions;
  readonly #making = new Map<string, { readonly body: GrowingBody; readonly done: Promise<void> }>();

  constructor(options: RenditionsOptions) {
    this.#options = options;
  }

  /** Conversions of this process that are under way or being stored. */
  get making(): number {
    return this.#making.size;
  }

  /** Resolves when nothing is being made or stored here. */
  async settled(): Promise<void> {
    while (this.#making.size > 0) await Promise.all([...this.#making.values()].map(({ done }) => done));
  }

  digest(accountSid: string, contentHash: string, form: AudioForm): string {
    return digestOf(accountSid, contentHash, form, this.#options.converter.version);
  }

  /** Resolves when there is something to hear. @throws PromptError, LostContent */
  async get(content: Content, form: AudioForm): Promise<Rendition> {
    const { accountSid, contentHash } = content;
    const digest = this.digest(accountSid, contentHash, form);
    const running = this.#making.get(digest);
    if (running !== undefined) return await started({ digest, body: running.body, made: false });
    const stored = await this.find({ accountSid, digest });
    if (stored !== undefined) return { digest, body: stored, made: false };
    // Somebody may have begun while the store was asked.
    const begun = this.#making.get(digest);
    if (begun !== undefined) return await started({ digest, body: begun.body, made: false });
    const body = new GrowingBody();
    const done = this.#make(content, { form, digest, body }).finally(() => this.#making.delete(digest));
    this.#making.set(digest, { body, done });
    return await started({ digest, body, made: true });
  }

  /** What is stored under this digest: from memory, from disk, from the cluster's store. */
  find({ accountSid, digest }: Pick<Addressed, 'accountSid' | 'digest'>): Promise<Uint8Array | undefined> {
    return this.#stored({ accountSid, kind: 'rendition', id: digest }, 'soon');
  }

  /** @param how `now`: past what others asked the store before */
  async #stored(key: CatalogKey<'rendition'>, how: 'soon' | 'now'): Promise<Uint8Array | undefined> {
    const { catalog, hot, bodies, log } = this.#options;
    const { accountSid, id: digest } = key;
    try {
      const entry = await (how === 'now' ? catalog.read(key) : catalog.get(key));
      if (entry === undefined) {
        hot.drop(digest);
        return undefined;
      }
      this.#used(entry);
      const near = await hot.get(digest, entry.record.sha256, accountSid);
      if (near !== undefined) return near;
      const body = await bodies.get(entry.record.object);
      if (body !== undefined && sha256(body) === entry.record.sha256) {
        hot.put(digest, body, accountSid);
        return body;
      }
      // It is made anew when it is asked for.
      await catalog.remove(key, entry.revision);
    } catch (error) {
      if (!isConflict(error)) log.warn({ reason: describeError(error) }, 'media: a stored rendition could not be read');
    }
    return undefined;
  }

  /** What is written down of it, once it is made. Undefined: it is not kept. */
  async record(accountSid: string, digest: string): Promise<RenditionRecord | undefined> {
    await this.#making.get(digest)?.done;
    const key = { accountSid, kind: 'rendition', id: digest } as const;
    return (await this.#options.catalog.get(key).catch(() => undefined))?.record;
  }

  #used({ key, record, revision }: CatalogEntry<'rendition'>): void {
    const { catalog, clock } = this.#options;
    if (clock.now() - record.usedAt < USED_EVERY_MS) return;
    // Nobody waits for it, and it does not matter who of several writes it.
    catalog.put(key, { ...record, usedAt: clock.now() }, revision).catch(() => undefined);
  }

  async #make(
    content: Content,
    { form, digest, body }: { readonly form: AudioForm; readonly digest: string; readonly body: GrowingBody },
  ): Promise<void> {
    const { accountSid } = content;
    const takeOther = async (): Promise<boolean> => {
      const other = await this.#stored({ accountSid, kind: 'rendition', id: digest }, 'now');
      if (other === undefined) return false;
      body.append(other);
      body.end();
      return true;
    };
    const make = async (): Promise<void> => {
      if (content.kept && (await takeOther())) return;
      const sourceType = await this.#convert(content, form, body);
      if (content.kept) await this.#store({ content, form, digest, sourceType, audio: await body.whole });
    };
    try {
      if (!content.kept) await make();
      else {
        for (let turn = 1; !body.over; turn++) {
          // Whoever it was may have failed, or could not store it: then it is somebody else's turn, one at a time.
          const how = await this.#options.flights.run(idOf('rendition', digest), make);
          if (how === 'followed' && !(await takeOther()) && turn >= MOST_TURNS) await make();
        }
      }
    } catch (error) {
      body.fail(error);
    }
  }

  /** @returns the media type of the source */
  async #convert(content: Content, form: AudioForm, into: GrowingBody): Promise<string> {
    const { converter, clock, onConverted } = this.#options;
    const body = await content.body();
    if (body === undefined) throw new LostContent('the content of a source is not in the store any more');
    const { accountSid, contentType, ahead } = content;
    const begun = clock.monotonic();
    for await (const part of converter.convert({ accountSid, body, contentType, form, ahead })) into.append(part);
    into.end();
    onConverted?.(accountSid, clock.monotonic() - begun);
    return sniffedType(body, contentType);
  }

  /** The bytes first, then the record that names them: whoever dies in between leaves bytes that nobody sees. */
  async #store(made: {
    readonly content: Content;
    readonly form: AudioForm;
    readonly digest: string;
    readonly sourceType: string;
    readonly audio: Uint8Array;
  }): Promise<void> {
    const { catalog, bodies, hot, allowance, clock, random, log } = this.#options;
    const { content, form, digest, sourceType, audio } = made;
    const { accountSid, source, contentHash } = content;
    const object = `${accountSid}/r-${digest}-${randomHex(random, 6)}`;
    const key: CatalogKey<'rendition'> = { accountSid, kind: 'rendition', id: digest };
    try {
      if (!(await allowance.admit(accountSid, audio.length))) return;
      await bodies.put(object, audio);
      const now = clock.now();
      const what = { source, contentHash, codec: form.codec, rate: form.rate, object, bytes: audio.length };
      const facts = { ...audioFacts(audio, form), sourceType };
      const times = { storedAt: now, usedAt: now };
      await catalog.put(key, { kind: 'rendition', ...what, sha256: sha256(audio), facts, ...times }, undefined);
      hot.put(digest, audio, accountSid);
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'media: a rendition could not be stored');
      await bodies.remove(object).catch(() => undefined);
    }
  }
}

async function started(rendition: Rendition): Promise<Rendition> {
  if (rendition.body instanceof GrowingBody) await rendition.body.started();
  return rendition;
}
