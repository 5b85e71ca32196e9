import { softphoneRequestSchema } from '@hookswitch/shared';
import { expect } from 'vitest';
import { FakeHub } from '../hub/hub.fake.ts';
import { FakeClock, settle } from '../kit/clock.fake.ts';
import type { Call } from './call.ts';
import { Device } from './device.ts';
import type { DeviceOptions } from './device.ts';
import { FakePlatform } from './platform.fake.ts';

export const SID = `CA${'1'.repeat(32)}`;
export const OTHER = `CA${'2'.repeat(32)}`;
const transport = { id: 't', iceParameters: {}, iceCandidates: [], dtlsParameters: {} };
export const consumer = { id: 'co', producerId: 'p', kind: 'audio', rtpParameters: {} };
const legMedia = (callSid: string): object => ({
  callSid,
  send: transport,
  recv: transport,
  consumer,
  iceServers: [],
  reconnectToken: 'rt-1',
});
export const RESULTS: Record<string, object> = {
  register: { registration: 'RG1', identity: 'alice', rtpCapabilities: {}, iceServers: [] },
  accept: legMedia(SID),
  connect: { ...legMedia(OTHER), hint: 'node-1' },
  reattach: { callSid: SID, state: 'open', reconnectToken: 'rt-2' },
  produce: { producerId: 'p' },
  'restart-ice': { iceParameters: {} },
};

/** A registered device on fakes. */
export interface DeviceWorld {
  readonly clock: FakeClock;
  readonly hub: FakeHub;
  readonly platform: FakePlatform;
  /** What the server was asked since `types()`. */
  readonly requests: { type: string; [key: string]: unknown }[];
  /** Results by type of request; with a `code` they are refusals. */
  readonly answers: Record<string, unknown>;
  readonly device: Device;
  /** Names of the device's errors. */
  readonly errors: string[];
  readonly incoming: Call[];
  readonly offer: (callSid?: string, token?: string) => Promise<Call>;
  /** Loses the connection and lets the next one come. */
  readonly reconnect: () => Promise<void>;
  /** Types of the requests since the last time. */
  readonly types: () => string[];
  /** Destroys the device; nothing may be left open. */
  readonly close: () => void;
}

export async function setUp(options: DeviceOptions = {}): Promise<DeviceWorld> {
  const clock = new FakeClock();
  const hub = new FakeHub();
  const platform = new FakePlatform();
  const requests: { type: string; [key: string]: unknown }[] = [];
  const answers: Record<string, unknown> = { ...RESULTS };
  hub.onExtension = (body) => {
    const request = softphoneRequestSchema.parse(body);
    requests.push(request);
    return request.type in answers ? answers[request.type] : {};
  };
  const device = new Device(() => 'token', {
    url: 'ws://hub',
    transport: hub.transport,
    clock,
    random: () => 0.5,
    platform,
    name: 'desk',
    ...options,
  });
  const errors: string[] = [];
  device.on('error', ({ name }) => errors.push(name));
  const registered = device.register();
  await hub.accept();
  await registered;
  const incoming: Call[] = [];
  device.on('incoming', (call) => incoming.push(call));
  const offer = async (callSid = SID, token = 'sealed-1'): Promise<Call> => {
    const { expiresAt } = { expiresAt: clock.now() + 30_000 };
    const body = { callSid, token, hint: 'node-1', expiresAt, from: '+15550199', to: 'client:alice', parameters: {} };
    hub.push({ type: 'incoming', ...body });
    await settle();
    return incoming.at(-1)!;
  };
  const reconnect = async (): Promise<void> => {
    hub.last.drop();
    await clock.advance(600);
    await hub.accept();
    await settle();
  };
  const types = (): string[] => requests.splice(0).map(({ type }) => type);
  const close = (): void => {
    device.destroy();
    expect(clock.pendingTimers).toBe(0);
    expect(platform.openTracks).toBe(0);
    expect(platform.playing).toBe(0);
    expect(platform.listeners).toBe(0);
  };
  return { clock, hub, platform, requests, answers, device, errors, incoming, offer, reconnect, types, close };
}
