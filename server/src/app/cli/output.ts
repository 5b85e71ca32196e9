/** What a command answers: rows for people, the same as JSON for programs. */
export type Row = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

const cell = (value: Row[string] | undefined): string =>
  value === undefined || value === null ? '-' : Array.isArray(value) ? value.join(',') : String(value);

/** One line a row, columns aligned, heads in capitals. */
export function table(rows: readonly Row[]): string[] {
  const [first] = rows;
  if (first === undefined) return ['(none)'];
  const columns = Object.keys(first);
  const cells = [columns.map((column) => column.toUpperCase()), ...rows.map((row) => columns.map((c) => cell(row[c])))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => (line[at] ?? '').length)));
  return cells.map((line) =>
    line
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** One line a member, for a single thing. */
export function details(row: Row): string[] {
  const width = Math.max(...Object.keys(row).map((key) => key.length));
  return Object.entries(row).map(([key, value]) => `${key.padEnd(width)}  ${cell(value)}`);
}
