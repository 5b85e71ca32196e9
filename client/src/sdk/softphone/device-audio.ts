import type { Unsubscribe } from '../kit/index.ts';
import type { Call } from './call.ts';
import type { AudioDevice, SoftphonePlatform } from './ports.ts';

/** Choice of microphone and speaker. A change takes effect at once, also for calls that are open. */
export class DeviceAudio {
  readonly #platform: SoftphonePlatform;
  readonly #calls: () => readonly Call[];
  readonly #off: Unsubscribe;

  constructor(platform: SoftphonePlatform, calls: () => readonly Call[], onChange: () => void) {
    this.#platform = platform;
    this.#calls = calls;
    this.#off = platform.devices.onChange(onChange);
  }

  /** Labels are empty until the microphone was allowed once. @throws HookswitchError `insecurePage`, `mediaUnsupported` */
  list(): Promise<{ readonly inputs: readonly AudioDevice[]; readonly outputs: readonly AudioDevice[] }> {
    return this.#platform.devices.list();
  }

  /** Undefined: the system's default. */
  get inputDevice(): string | undefined {
    return this.#platform.microphone.deviceId;
  }

  get outputDevice(): string | undefined {
    return this.#platform.speaker.deviceId;
  }

  /** Asks the browser for the microphone now, not when the first call comes. @throws HookswitchError microphone* */
  async allowMicrophone(): Promise<void> {
    const track = await this.#platform.microphone.open();
    track.stop();
  }

  microphonePermission(): Promise<'granted' | 'denied' | 'prompt' | 'unknown'> {
    return this.#platform.microphone.permission();
  }

  /** @throws HookswitchError microphone* when the device cannot be opened for a call that is open; the choice is taken back */
  async setInputDevice(deviceId: string | undefined): Promise<void> {
    const { microphone } = this.#platform;
    const before = microphone.deviceId;
    microphone.choose(deviceId);
    try {
      for (const call of this.#calls()) if (call.hasLeg) await call.replaceMicrophone(await microphone.open());
    } catch (error) {
      microphone.choose(before);
      throw error;
    }
  }

  /** @throws HookswitchError `outputUnsupported` */
  setOutputDevice(deviceId: string | undefined): Promise<void> {
    return this.#platform.speaker.choose(deviceId);
  }

  close(): void {
    this.#off();
    this.#platform.microphone.close();
    this.#platform.speaker.close();
  }
}
