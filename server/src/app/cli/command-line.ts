import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

/** One option of a command: `--name VALUE`. */
export interface OptionSpec {
  readonly value: string;
  readonly help: string;
  readonly required?: boolean;
  /** May be given several times, and takes comma-separated lists. */
  readonly many?: boolean;
}

export interface CommandSpec {
  readonly help: string;
  /** Name of the one argument without an option, e.g. NUMBER. */
  readonly argument?: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
}

/** What was typed, checked against the command's own options. */
export class CommandLine {
  readonly argument: string;
  readonly json: boolean;
  readonly dataDir: string | undefined;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(argument: string, values: ReadonlyMap<string, readonly string[]>, json: boolean) {
    this.argument = argument;
    this.json = json;
    this.#values = values;
    this.dataDir = values.get('data-dir')?.at(-1);
  }

  get(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  /** For required options, which are there. */
  need(name: string): string {
    return this.get(name) ?? '';
  }

  /** Undefined when the option was not given. */
  list(name: string): string[] | undefined {
    const given = this.#values.get(name)?.flatMap((text) => text.split(','));
    return given?.map((text) => text.trim()).filter((text) => text !== '');
  }

  /** @throws UsageError */
  number(name: string, bounds: { readonly from: number; readonly to: number }): number | undefined {
    const text = this.get(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= bounds.from && value <= bounds.to) return value;
    throw new UsageError('usage', `--${name} ${text}: expected a whole number from ${bounds.from} to ${bounds.to}`);
  }
}

/** Options that every command takes. */
const COMMON: Readonly<Record<string, OptionSpec>> = {
  'data-dir': { value: 'DIR', help: 'data directory of the running server' },
};

/** @throws UsageError for unknown, missing or surplus things */
export function parseCommand(name: string, spec: CommandSpec, argv: readonly string[]): CommandLine {
  const known = { ...spec.options, ...COMMON };
  let values: Record<string, unknown>;
  let positionals: string[];
  try {
    ({ values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      strict: true,
      options: {
        ...Object.fromEntries(
          Object.keys(known).map((option) => [option, { type: 'string' as const, multiple: true as const }]),
        ),
        json: { type: 'boolean' as const },
      },
    }));
  } catch (error) {
    const problem = (error as Error).message.split(/\.\s/)[0] ?? '';
    throw new UsageError('usage', `${name}: ${problem}`, { cause: error });
  }
  const [argument, surplus] = spec.argument === undefined ? [undefined, positionals[0]] : positionals;
  if (surplus !== undefined) throw new UsageError('usage', `${name}: '${surplus}' is too much`);
  if (spec.argument !== undefined && argument === undefined) {
    throw new UsageError('usage', `${name}: ${spec.argument} is missing`);
  }
  const given = new Map<string, readonly string[]>();
  for (const [option, value] of Object.entries(values)) if (Array.isArray(value)) given.set(option, value.map(String));
  for (const [option, { required, many, value }] of Object.entries(known)) {
    if (required === true && !given.has(option))
      throw new UsageError('usage', `${name}: --${option} ${value} is missing`);
    if (many !== true && (given.get(option)?.length ?? 0) > 1) {
      throw new UsageError('usage', `${name}: --${option} is given more than once`);
    }
  }
  return new CommandLine(argument ?? '', given, values['json'] === true);
}

/** The usage line of one command and what its options take. */
export function usageOf(name: string, spec: CommandSpec): string[] {
  const parts = Object.entries(spec.options).map(([option, { value, required }]) =>
    required === true ? `--${option} ${value}` : `[--${option} ${value}]`,
  );
  const width = Math.max(0, ...Object.entries(spec.options).map(([option, { value }]) => option.length + value.length));
  return [
    ['usage: hookswitch', name, ...(spec.argument === undefined ? [] : [spec.argument]), ...parts, '[--json]'].join(
      ' ',
    ),
    `  ${spec.help}`,
    ...Object.entries(spec.options).map(
      ([option, { value, help }]) => `  ${`--${option} ${value}`.padEnd(width + 5)}${help}`,
    ),
  ];
}
