import type { SubmitEvent, ReactElement, RefObject } from 'react';
import { Icon } from './icons.tsx';
import { Keypad } from './keypad.tsx';

export interface DialPadProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onDial: (to: string) => void;
  readonly onTone: (key: string) => void;
  readonly canDial: boolean;
  readonly input: RefObject<HTMLInputElement | null>;
}

/** Whom to call: a number, a client's name or a SIP URI. */
export function DialPad({ value, onChange, onDial, onTone, canDial, input }: DialPadProps): ReactElement {
  const to = value.trim();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (to !== '' && canDial) onDial(to);
  };
  return (
    <form className="dial-pad" onSubmit={submit} aria-label="Make a call">
      <div className="dial-row">
        <input
          ref={input}
          className="dial-input"
          value={value}
          onChange={(event) => {
            onChange(event.target.value);
          }}
          aria-label="Number, client name or SIP address"
          placeholder="Number, name or sip:address"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-testid="dial-input"
        />
        <button
          type="button"
          className="button quiet icon-button"
          aria-label="Delete the last character"
          disabled={value === ''}
          onClick={() => {
            onChange(value.slice(0, -1));
          }}
          data-testid="dial-backspace"
        >
          <Icon name="backspace" />
        </button>
      </div>
      <Keypad
        onKey={(key) => {
          onTone(key);
          onChange(value + key);
        }}
      />
      <button type="submit" className="button go" disabled={to === '' || !canDial} data-testid="dial-call">
        <Icon name="phone" />
        Call
      </button>
    </form>
  );
}
