import type { ReactElement, ReactNode } from 'react';

export interface Column<Row> {
  readonly title: string;
  readonly show: (row: Row) => ReactNode;
  /** Figures stand below each other at the right. */
  readonly isFigure?: boolean;
}

export interface DataTableProps<Row> {
  /** What it is a table of, for those who do not see it. */
  readonly label: string;
  readonly testId: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Instead of a table without rows. */
  readonly empty: string;
}

/**
 * A table; on a narrow page each row is a card with the titles beside the values. The roles are written out because a
 * table that is laid out as something else has none.
 */
export function DataTable<Row>({ label, testId, columns, rows, keyOf, empty }: DataTableProps<Row>): ReactElement {
  if (rows.length === 0) {
    return (
      <p className="empty" data-testid={`${testId}-empty`}>
        {empty}
      </p>
    );
  }
  return (
    <table className="data" role="table" aria-label={label} data-testid={testId}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ title, isFigure }) => (
            <th key={title} role="columnheader" scope="col" className={isFigure === true ? 'figure' : undefined}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" data-testid={`${testId}-row`} data-key={keyOf(row)}>
            {columns.map(({ title, show, isFigure }) => (
              <td key={title} role="cell" data-title={title} className={isFigure === true ? 'figure' : undefined}>
                {show(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
