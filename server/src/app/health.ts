/** One thing that has to work for the process to be of use. */
export interface HealthCheck {
  readonly name: string;
  /** Undefined when well, else a sentence that says what is wrong. */
  problem(): string | undefined;
  /** What an operator wants to know of it, as JSON. Nothing secret: whoever reaches the port reads it. */
  show?(): Readonly<Record<string, unknown>>;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly state: 'starting' | 'ready' | 'draining' | 'stopped';
  readonly problems: Readonly<Record<string, string>>;
  /** By name of the check; only those that show something. */
  readonly parts?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * Liveness and readiness of the process. `/healthz` answers 200 while the process can serve at all; `/readyz` only when
 * it should get new work: started, every check well, not draining.
 */
export class Health {
  #state: HealthReport['state'] = 'starting';
  readonly #checks: HealthCheck[] = [];

  add(check: HealthCheck): void {
    this.#checks.push(check);
  }

  set state(state: HealthReport['state']) {
    this.#state = state;
  }

  get state(): HealthReport['state'] {
    return this.#state;
  }

  live(): HealthReport {
    return { ok: this.#state !== 'stopped', state: this.#state, problems: this.#problems(), ...this.#shown() };
  }

  ready(): HealthReport {
    const problems = this.#problems();
    const ok = this.#state === 'ready' && Object.keys(problems).length === 0;
    return { ok, state: this.#state, problems, ...this.#shown() };
  }

  #shown(): Pick<HealthReport, 'parts'> {
    const parts: Record<string, Readonly<Record<string, unknown>>> = {};
    for (const check of this.#checks) {
      const shown = check.show?.();
      if (shown !== undefined) parts[check.name] = shown;
    }
    return Object.keys(parts).length === 0 ? {} : { parts };
  }

  #problems(): Record<string, string> {
    const problems: Record<string, string> = {};
    for (const check of this.#checks) {
      const problem = check.problem();
      if (problem !== undefined) problems[check.name] = problem;
    }
    return problems;
  }
}
