import type { LegMedia, SoftphonePush } from '@hookswitch/shared';
import type { EndRequest } from '../calls/ports.ts';
import type { ClientLegMedia } from '../media/ports.ts';
import { DeviceLink } from './device-link.ts';
import type { DeviceAddress } from './device-link.ts';
import type { HostContext } from './host-context.ts';
import type { BridgeLeg, LegCore } from './leg.ts';

/** Longest wait for a caller's own browser to connect its media, milliseconds. */
const CONNECT_MS = 15_000;
/** Life of a reconnect token; the leg's end ends its use earlier. Milliseconds. */
const RECONNECT_TOKEN_MS = 24 * 3_600_000;

/** Whose device it is. */
export interface DeviceOwner {
  readonly accountSid: string;
  readonly identity: string;
  readonly registration: string | undefined;
}

/** A device's own leg to the bridge: the caller's (`connect`) or that of the one who accepted. */
export class ClientLeg implements BridgeLeg {
  readonly core: LegCore;
  readonly owner: DeviceOwner;
  readonly link: DeviceLink;
  readonly #context: HostContext;
  #media: ClientLegMedia | undefined;
  #codec: 'PCMU' | 'opus' = 'PCMU';
  #rung = false;
  #hears = false;
  #onHears: (() => void) | undefined;

  constructor(
    core: LegCore,
    parts: { readonly context: HostContext; readonly owner: DeviceOwner; readonly address: DeviceAddress },
  ) {
    this.core = core;
    this.owner = parts.owner;
    this.#context = parts.context;
    const { rpc, clock, settings } = parts.context;
    this.link = new DeviceLink(parts.address, {
      rpc,
      clock,
      log: core.log,
      graceMs: settings.graceMs,
      onLost: () => {
        this.core.finish({
          cause: 'connection-lost',
          message: `${this.owner.identity} did not come back in time`,
          by: 'remote',
        });
      },
    });
    core.defer(() => {
      this.link.close();
    });
  }

  /** A browser hears as soon as its media is up, answered or not. */
  get canHear(): boolean {
    return true;
  }
  get media(): ClientLegMedia | undefined {
    return this.core.isEnded ? undefined : this.#media;
  }
  get state(): 'connecting' | 'ringing' | 'open' {
    if (this.core.isAnswered) return 'open';
    return this.#rung ? 'ringing' : 'connecting';
  }

  /** Makes the leg's media, or gives what there is. @throws MediaError; undefined when the leg ended meanwhile */
  async open(rtpCapabilities: object): Promise<LegMedia | undefined> {
    if (this.#media === undefined) {
      // PCMU whatever the other leg speaks: the softphone produces PCMU or Opus, media converts from PCMA by table.
      const room = await this.core.call.open();
      const media = await room.createClientLeg({ id: this.core.callSid, codec: 'PCMU' });
      if (!this.core.attach(media)) return undefined;
      this.#media = media;
      this.#listen(media);
    }
    const transports = await this.#media.createTransports();
    const consumer = await this.#media.consume(rtpCapabilities);
    if (this.core.isEnded) return undefined;
    return {
      callSid: this.core.callSid,
      send: record(transports.send),
      recv: record(transports.recv),
      consumer: record(consumer),
      iceServers: this.#context.settings.iceServers,
      reconnectToken: this.reconnectToken(),
    };
  }

  reconnectToken(): string {
    const { accountSid, identity } = this.owner;
    return this.#context.tokens.seal(
      'reconnect',
      { accountSid, identity, registration: '' },
      { callSid: this.core.callSid, expiresAt: this.#context.clock.now() + RECONNECT_TOKEN_MS },
    );
  }

  ring(): void {
    if (this.core.isEnded || this.core.isAnswered) return;
    this.#rung = true;
    const earlyMedia = this.core.earlyPeer !== undefined;
    this.tell({ type: 'ringing', callSid: this.core.callSid, earlyMedia });
    if (!earlyMedia && this.#media !== undefined) this.core.playback.ringback(this.#media);
  }

  /** Up as soon as the browser hears: what is said first must not be lost. */
  answer(): void {
    if (this.core.isEnded || this.core.isAnswered || this.#onHears !== undefined) return;
    this.core.playback.stopRingback();
    this.tell({ type: 'answered', callSid: this.core.callSid });
    if (this.#hears) {
      this.core.answered();
      return;
    }
    const timer = this.#context.clock.setTimer(CONNECT_MS, () => {
      this.end({ cause: 'media-timeout', message: 'the browser did not connect its media' });
    });
    this.core.defer(() => {
      timer.cancel();
    });
    this.#onHears = () => {
      timer.cancel();
      this.core.answered();
    };
  }

  openAudio(): void {
    // Nothing to open: see canHear.
  }

  end(request: EndRequest): void {
    if (this.core.isEnded) return;
    this.tell({ type: 'ended', callSid: this.core.callSid, cause: request.cause, message: request.message });
    this.core.finish({ cause: request.cause, message: request.message, by: 'local' });
  }

  /** The device asked for the end. */
  hangup(): void {
    const cause = this.core.hangupCause;
    const message = `${this.owner.identity} hung up`;
    this.tell({ type: 'ended', callSid: this.core.callSid, cause, message });
    this.core.finish({ cause, message, by: 'remote' });
  }

  sendDigits(digits: string): void {
    for (const digit of keys(digits)) this.tell({ type: 'digit', callSid: this.core.callSid, digit });
  }

  /** Keys the device's user pressed. */
  dialled(digits: string): void {
    this.core.digits(digits, keys(digits));
  }

  tell(push: SoftphonePush): void {
    if (push.type === 'codec') {
      if (push.codec === this.#codec) return;
      this.#codec = push.codec;
    }
    this.link.push(push);
  }

  #listen(media: ClientLegMedia): void {
    const { callSid } = this.core;
    const releases = [
      media.on('transport', ({ side, state }) => {
        if (side === 'recv' && state === 'connected') this.#nowHears();
      }),
      media.on('flowing', () => {
        this.#nowHears();
      }),
      media.on('consumer', (consumer) => {
        this.tell({ type: 'consumer', callSid, consumer: record(consumer) });
      }),
      media.on('send-codec', ({ codec }) => {
        this.tell({ type: 'codec', callSid, codec: codec === 'opus' ? 'opus' : 'PCMU' });
      }),
    ];
    for (const release of releases) this.core.defer(release);
  }

  #nowHears(): void {
    if (this.#hears) return;
    this.#hears = true;
    this.#onHears?.();
  }
}

function keys(digits: string): string[] {
  return digits.toUpperCase().match(/[0-9A-D*#]/g) ?? [];
}

/** Media hands out mediasoup's plain JSON objects as opaque ones; on the wire they are records. */
function record(parameters: object): never {
  return parameters as never;
}
