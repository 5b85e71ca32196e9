import type { TenantStore } from '../../tenants/index.ts';
import type { CommandLine, CommandSpec } from './command-line.ts';
import type { Row } from './output.ts';

/** A list is printed as a table, a single row member by member, a text as it is. */
export type Answer = readonly Row[] | Row | string;

/** The server that the stores belong to. */
export interface RunningServer {
  /** A request to its call node. @throws UsageError `no-server` when only its stores are known */
  ask(method: string, payload: unknown): Promise<unknown>;
}

export interface Command extends CommandSpec {
  run(store: TenantStore, line: CommandLine, server: RunningServer): Promise<Answer>;
}
