import { browserAudioDevices, browserMeter, browserMicrophone, browserSpeaker } from './browser-audio.ts';
import type { MicrophoneOptions } from './browser-audio.ts';
import { mediasoupMedia } from './leg.mediasoup.ts';
import type { SoftphonePlatform } from './ports.ts';

/** The browser: its microphone, speaker and WebRTC. */
export function browserPlatform(audio: MicrophoneOptions & { readonly outputDevice?: string } = {}): SoftphonePlatform {
  return {
    media: mediasoupMedia(),
    microphone: browserMicrophone(audio),
    speaker: browserSpeaker(audio.outputDevice),
    devices: browserAudioDevices(),
    openMeter: browserMeter,
    onPage: (event, listener) => {
      globalThis.addEventListener(event, listener);
      return () => {
        globalThis.removeEventListener(event, listener);
      };
    },
  };
}
