import { execFile } from 'node:child_process';
import { ProvisionError } from './errors.ts';
import type { Provisioner, ProvisionedNode } from './ports.ts';

/** A command is ended after this long, milliseconds. */
const TIMEOUT_MS = 120_000;

/**
 * A program of the operator: `COMMAND start ROLE` makes a node, `COMMAND stop ROLE NODE` takes one away, with what is known
 * of it as JSON in `HOOKSWITCH_NODE`. Exit code 0: done or under way. The nodes it makes need `HOOKSWITCH_PROVISIONER=command`.
 */
export class CommandProvisioner implements Provisioner {
  readonly name = 'command';
  readonly #options: { readonly command: string; readonly role: string };
  readonly #abort = new AbortController();

  constructor(options: { readonly command: string; readonly role: string }) {
    this.#options = options;
  }

  start(): Promise<void> {
    return this.#run(['start', this.#options.role]);
  }

  stop(node: ProvisionedNode): Promise<void> {
    return this.#run(['stop', this.#options.role, node.node], { HOOKSWITCH_NODE: JSON.stringify(node) });
  }

  close(): Promise<void> {
    this.#abort.abort(new ProvisionError('closed', 'this process ends'));
    return Promise.resolve();
  }

  #run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
    const { command } = this.#options;
    const { signal } = this.#abort;
    return new Promise((resolve, reject) => {
      const options = { env: { ...process.env, ...env }, timeout: TIMEOUT_MS, signal, maxBuffer: 1024 * 1024 };
      execFile(command, [...args], options, (error, _out, complaints) => {
        if (error === null) resolve();
        else {
          const said = `${command} ${args.join(' ')}: ${complaints.trim().slice(-500) || error.message}`;
          reject(new ProvisionError('failed', said, { cause: error }));
        }
      });
    });
  }
}
