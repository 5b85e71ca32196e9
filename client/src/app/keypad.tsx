import type { ReactElement } from 'react';

const KEYS = [
  ['1', ''],
  ['2', 'ABC'],
  ['3', 'DEF'],
  ['4', 'GHI'],
  ['5', 'JKL'],
  ['6', 'MNO'],
  ['7', 'PQRS'],
  ['8', 'TUV'],
  ['9', 'WXYZ'],
  ['*', ''],
  ['0', '+'],
  ['#', ''],
] as const;

const NAMES: Readonly<Record<string, string>> = { '*': 'star', '#': 'hash' };

/** The twelve keys. A call takes them as DTMF, the dial pad as characters. */
export function Keypad({ onKey }: { readonly onKey: (key: string) => void }): ReactElement {
  return (
    <div className="keypad" role="group" aria-label="Keypad">
      {KEYS.map(([key, letters]) => (
        <button
          key={key}
          type="button"
          className="key"
          aria-label={NAMES[key] ?? key}
          onClick={() => {
            onKey(key);
          }}
          data-testid={`keypad-${key}`}
        >
          <span>{key}</span>
          <small aria-hidden="true">{letters}</small>
        </button>
      ))}
    </div>
  );
}
