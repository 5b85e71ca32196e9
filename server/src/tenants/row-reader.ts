/**
 * Reads rows as arrays of what PostgreSQL sent, in one pass: a query builder takes longer to build a query and to map its
 * rows than PostgreSQL takes to answer it, where an answer is one row by its key.
 */

/** What a driver needs to know of one statement. Statements with a name are parsed and planned once a connection. */
export interface RowQuery {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
  readonly rowMode: 'array';
  readonly types: { readonly getTypeParser: (oid: number) => (text: string) => unknown };
}

export interface RowColumn {
  /** Its name in the table. */
  readonly name: string;
}

/** Numbers of types (pg_type): what is read as something else than text. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === 't',
  20: Number,
  21: Number,
  23: Number,
  114: (text) => JSON.parse(text) as unknown,
  3802: (text) => JSON.parse(text) as unknown,
  1184: rfc3339,
};
const asText = (text: string): unknown => text;
const TYPES: RowQuery['types'] = { getTypeParser: (oid) => PARSERS[oid] ?? asText };

/** `timestamptz` as PostgreSQL writes it, as RFC 3339 with milliseconds. */
export function rfc3339(text: string): string {
  // Of a session in UTC; others have another zone and take the longer way.
  if (!text.endsWith('+00') || text.length > 26) return new Date(text).toISOString();
  const time = text.slice(11, -3);
  return `${text.slice(0, 10)}T${time.length === 8 ? `${time}.000` : time.padEnd(12, '0')}Z`;
}

/** The columns of a table, by the members of a record. */
export class RowReader {
  /** For `select`. */
  readonly columns: string;
  readonly #members: readonly string[];

  /** @param columns by member, as drizzle's `getTableColumns` has them */
  constructor(columns: Readonly<Record<string, RowColumn>>) {
    this.#members = Object.keys(columns);
    this.columns = Object.values(columns)
      .map(({ name }) => `"${name}"`)
      .join(', ');
  }

  query(statement: {
    readonly name?: string | undefined;
    readonly text: string;
    readonly values: unknown[];
  }): RowQuery {
    const { name, text, values } = statement;
    return { ...(name === undefined ? {} : { name }), text, values, rowMode: 'array', types: TYPES };
  }

  read(row: readonly unknown[]): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    const members = this.#members;
    for (let at = 0; at < members.length; at++) record[members[at] ?? ''] = row[at];
    return record;
  }
}
