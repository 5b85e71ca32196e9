import type { Unsubscribe } from '../../kernel/index.ts';
import type { LoadReports, NodeLoad } from './ports.ts';

/** Reports within one process. */
export class MemoryLoadReports implements LoadReports {
  readonly #listeners = new Set<(load: NodeLoad) => void>();

  publish(load: NodeLoad): void {
    for (const listener of [...this.#listeners]) listener(load);
  }

  onReport(listener: (load: NodeLoad) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
