import type { ReactElement } from 'react';
import type { AudioDevice } from '../sdk/index.ts';
import type { PhoneSnapshot } from './phone-snapshot.ts';
import type { SoftphoneStore } from './softphone-store.ts';

export interface DeviceSettingsProps {
  readonly phone: PhoneSnapshot;
  readonly store: SoftphoneStore;
}

/** Choice of microphone and speaker. */
export function DeviceSettings({ phone, store }: DeviceSettingsProps): ReactElement {
  return (
    <div className="devices">
      <Picker
        label="Microphone"
        testId="mic-select"
        devices={phone.inputs}
        chosen={phone.inputDevice}
        onChoose={(id) => void store.chooseInput(id)}
      />
      <Picker
        label="Speaker"
        testId="speaker-select"
        devices={phone.outputs}
        chosen={phone.outputDevice}
        onChoose={(id) => void store.chooseOutput(id)}
      />
    </div>
  );
}

interface PickerProps {
  readonly label: string;
  readonly testId: string;
  readonly devices: readonly AudioDevice[];
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

function Picker({ label, testId, devices, chosen, onChoose }: PickerProps): ReactElement {
  // The browser's own entry for the default is the empty choice here.
  const named = devices.filter(({ id }) => id !== 'default');
  return (
    <label className="field">
      <span>{label}</span>
      <select
        value={chosen ?? ''}
        onChange={(event) => {
          onChoose(event.target.value);
        }}
        data-testid={testId}
      >
        <option value="">System default</option>
        {named.map((device, at) => (
          <option key={device.id} value={device.id}>
            {device.label || `${label} ${at + 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}
