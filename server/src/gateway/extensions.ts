import type { Log } from '../kernel/index.ts';
import type { ExtensionConnection, ExtensionRefusal, MessageExtension } from './ports.ts';
import type { Session } from './session.ts';

/** The extensions of a gateway by name. @throws RangeError when two have the same name */
export class ExtensionRegistry {
  readonly #byName = new Map<string, MessageExtension>();

  constructor(extensions: readonly MessageExtension[]) {
    for (const extension of extensions) {
      if (this.#byName.has(extension.name)) throw new RangeError(`two message extensions are called ${extension.name}`);
      this.#byName.set(extension.name, extension);
    }
  }

  get(name: string): MessageExtension | undefined {
    return this.#byName.get(name);
  }
}

export type ExtensionAnswer = { readonly result: unknown } | ExtensionRefusal;

/** What the extensions know of one connection: each gets its own face of it, and word of its end. */
export class ExtensionSessions {
  readonly #registry: ExtensionRegistry;
  readonly #session: Session;
  readonly #logger: Log;
  #used: Map<MessageExtension, ExtensionConnection> | undefined;

  constructor(registry: ExtensionRegistry, session: Session, logger: Log) {
    this.#registry = registry;
    this.#session = session;
    this.#logger = logger;
  }

  /** Hands a request over. Rejects with whatever the extension rejects with. */
  async request(name: string, body: unknown): Promise<ExtensionAnswer> {
    const extension = this.#registry.get(name);
    if (extension === undefined) {
      return { error: 'unknownCommand', message: `this server has no extension '${name}'` };
    }
    this.#used ??= new Map();
    let connection = this.#used.get(extension);
    if (connection === undefined) this.#used.set(extension, (connection = this.#face(name)));
    return extension.handle(connection, body);
  }

  /** Tells every extension that was used. */
  close(reason: string): void {
    for (const [extension, connection] of this.#used ?? []) {
      try {
        extension.connectionClosed(connection, reason);
      } catch (error) {
        const fields = { err: error, extension: extension.name, connection: this.#session.id };
        this.#logger.error(fields, 'an extension failed at the end of a connection');
      }
    }
    this.#used = undefined;
  }

  #face(name: string): ExtensionConnection {
    const session = this.#session;
    return {
      id: session.id,
      get grants() {
        return session.grants;
      },
      push: (body) => {
        if (!session.closed) session.outbox.sendControl({ type: 'extension', extension: name, body });
      },
    };
  }
}
