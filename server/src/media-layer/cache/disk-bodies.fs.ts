import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { S3Fifo } from './s3-fifo.ts';
import type { DiskBodies } from './ports.ts';

export interface FileBodiesOptions {
  /** Belongs to this process alone; made when missing. What is in it from an earlier run is used. */
  readonly directory: string;
  /** Bound, bytes (default 512 MiB). */
  readonly maxBytes?: number;
}

/** Names are ids of letters, digits, `-` and `_`. */
const NAME = /^[\w-]{8,100}$/;
const UNFINISHED = '.part';

/** A file for each body, written beside its place and moved there, so that what has the name is whole. */
export class FileBodies implements DiskBodies {
  readonly #directory: string;
  readonly #index: S3Fifo<true>;
  #writes = 0;

  private constructor({ directory, maxBytes = 512 * 1024 * 1024 }: FileBodiesOptions) {
    this.#directory = directory;
    this.#index = new S3Fifo<true>({
      capacity: maxBytes,
      onDrop: (name) => {
        void this.#unlink(name).catch(() => undefined);
      },
    });
  }

  static async open(options: FileBodiesOptions): Promise<FileBodies> {
    await mkdir(options.directory, { recursive: true });
    const bodies = new FileBodies(options);
    for (const name of await readdir(options.directory)) {
      if (NAME.test(name)) {
        bodies.#index.set(name, true, Math.max(1, (await stat(join(options.directory, name))).size));
      }
      if (bodies.#index.peek(name) === undefined) await bodies.#unlink(name);
    }
    return bodies;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#index.size;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    if (this.#index.get(name) === undefined) return undefined;
    try {
      return await readFile(join(this.#directory, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#index.delete(name);
      return undefined;
    }
  }

  async put(name: string, body: Uint8Array): Promise<void> {
    if (!NAME.test(name) || this.#index.peek(name) !== undefined) return;
    this.#writes += 1;
    const part = join(this.#directory, `${name}.${String(this.#writes)}${UNFINISHED}`);
    try {
      await writeFile(part, body);
      await rename(part, join(this.#directory, name));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    this.#index.set(name, true, Math.max(1, body.length));
    if (this.#index.peek(name) === undefined) await this.#unlink(name);
  }

  async remove(name: string): Promise<void> {
    if (!this.#index.delete(name)) return;
    await this.#unlink(name);
  }

  async #unlink(name: string): Promise<void> {
    await rm(join(this.#directory, name), { force: true });
  }
}
