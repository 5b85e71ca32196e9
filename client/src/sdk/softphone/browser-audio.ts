import { clientError } from '../kit/index.ts';
import type { HookswitchError } from '../kit/index.ts';
import type { AudioDevice, AudioDevices, Meter, Microphone, Speaker } from './ports.ts';

export interface MicrophoneOptions {
  /** From AudioDevices.list(); default: the system's choice. */
  readonly inputDevice?: string;
  /** Default true, all three. Switch them off for music or measurements. */
  readonly echoCancellation?: boolean;
  readonly noiseSuppression?: boolean;
  readonly autoGainControl?: boolean;
  /** Keep the microphone open between calls, so that the next one starts at once (default false: its light goes out). */
  readonly keepWarm?: boolean;
}

/** One capture of the hardware, shared by the calls as clones. */
export function browserMicrophone(options: MicrophoneOptions = {}): Microphone {
  let deviceId = options.inputDevice;
  let warm: Promise<MediaStream> | undefined;
  const capture = async (): Promise<MediaStream> => {
    const devices = mediaDevices();
    try {
      return await devices.getUserMedia({
        audio: {
          ...(deviceId === undefined ? {} : { deviceId: { exact: deviceId } }),
          echoCancellation: options.echoCancellation ?? true,
          noiseSuppression: options.noiseSuppression ?? true,
          autoGainControl: options.autoGainControl ?? true,
          channelCount: 1,
        },
      });
    } catch (error) {
      throw microphoneError(error);
    }
  };
  const stop = (stream: Promise<MediaStream> | undefined): void => {
    stream?.then(
      (opened) => {
        for (const track of opened.getTracks()) track.stop();
      },
      () => undefined,
    );
  };
  return {
    permission: async () => {
      try {
        const { state } = await navigator.permissions.query({ name: 'microphone' });
        return state;
      } catch {
        return 'unknown';
      }
    },
    open: async () => {
      if (options.keepWarm !== true) return firstTrack(await capture());
      const live = await warm?.then(
        (stream) => stream.getAudioTracks()[0]?.readyState === 'live',
        () => false,
      );
      if (live !== true) warm = capture();
      return firstTrack(await (warm ?? capture())).clone();
    },
    choose: (id) => {
      deviceId = id;
      stop(warm);
      warm = undefined;
    },
    get deviceId() {
      return deviceId;
    },
    close: () => {
      stop(warm);
      warm = undefined;
    },
  };
}

function mediaDevices(): MediaDevices {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices !== undefined) return devices;
  throw clientError(globalThis.isSecureContext ? 'mediaUnsupported' : 'insecurePage');
}

function firstTrack(stream: MediaStream): MediaStreamTrack {
  const [track] = stream.getAudioTracks();
  if (track === undefined) throw clientError('microphoneMissing');
  return track;
}

/** W3C Media Capture, section 10.2: the names of getUserMedia's failures. */
function microphoneError(cause: unknown): HookswitchError {
  const name = cause instanceof Error ? cause.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return clientError('microphoneRefused', { cause });
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return clientError('microphoneMissing', { cause });
  return clientError('microphoneBusy', { cause });
}

/** Plays calls through <audio> elements: browsers decode what they receive only for an element (or a sink like it). */
export function browserSpeaker(outputDevice?: string): Speaker {
  const elements = new Set<HTMLAudioElement>();
  let deviceId = outputDevice;
  const apply = async (element: HTMLAudioElement): Promise<void> => {
    if (!('setSinkId' in element)) throw clientError('outputUnsupported');
    await element.setSinkId(deviceId ?? '');
  };
  return {
    play: (stream) => {
      const element = document.createElement('audio');
      element.autoplay = true;
      element.srcObject = stream;
      element.style.display = 'none';
      document.body.append(element);
      elements.add(element);
      if (deviceId !== undefined) apply(element).catch(() => undefined);
      // Refused without a person's touch; accepting a call is one, a call accepted by program may have to wait for it.
      const start = (): void => {
        element.play().catch(() => {
          document.addEventListener('pointerdown', start, { once: true });
        });
      };
      start();
      return () => {
        document.removeEventListener('pointerdown', start);
        elements.delete(element);
        element.srcObject = null;
        element.remove();
      };
    },
    choose: async (id) => {
      deviceId = id;
      if (!('setSinkId' in HTMLMediaElement.prototype)) throw clientError('outputUnsupported');
      await Promise.all([...elements].map(apply));
    },
    get deviceId() {
      return deviceId;
    },
    close: () => {
      for (const element of elements) element.remove();
      elements.clear();
    },
  };
}

export function browserAudioDevices(): AudioDevices {
  return {
    list: async () => {
      const devices = await mediaDevices().enumerateDevices();
      const of = (kind: MediaDeviceKind): AudioDevice[] =>
        devices
          .filter((device) => device.kind === kind && device.deviceId !== '')
          .map(({ deviceId, label }) => ({ id: deviceId, label }));
      return { inputs: of('audioinput'), outputs: of('audiooutput') };
    },
    onChange: (listener) => {
      const devices = navigator.mediaDevices as MediaDevices | undefined;
      devices?.addEventListener('devicechange', listener);
      return () => devices?.removeEventListener('devicechange', listener);
    },
  };
}

/** Root mean square of the last 20 ms or so of both streams. */
export function browserMeter(local: MediaStream, remote: MediaStream): Meter {
  const context = new AudioContext();
  const watch = (stream: MediaStream): (() => number) => {
    let source: MediaStreamAudioSourceNode | undefined;
    let watched: MediaStreamTrack | undefined;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    const samples = new Float32Array(analyser.fftSize);
    return () => {
      const [track] = stream.getAudioTracks();
      if (track !== watched) {
        // A source node keeps the track it began with; the stream's track changes with device and codec.
        source?.disconnect();
        source = track === undefined ? undefined : context.createMediaStreamSource(new MediaStream([track]));
        source?.connect(analyser);
        watched = track;
      }
      if (track === undefined) return 0;
      analyser.getFloatTimeDomainData(samples);
      return Math.min(1, Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length) * Math.SQRT2);
    };
  };
  const input = watch(local);
  const output = watch(remote);
  return {
    read: () => ({ input: input(), output: output() }),
    close: () => {
      void context.close().catch(() => undefined);
    },
  };
}
