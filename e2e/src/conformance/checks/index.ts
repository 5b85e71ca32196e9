import type { Check } from '../suite.ts';
import { connecting } from './connecting.ts';
import { frames } from './frames.ts';
import { heartbeat } from './heartbeat.ts';
import { publishing } from './publishing.ts';
import { recovery } from './recovery.ts';
import { subscribing } from './subscribing.ts';

/** Everything that docs/spec/hub-protocol.md promises and a client can see. */
export const CHECKS: readonly Check[] = [
  ...connecting,
  ...frames,
  ...subscribing,
  ...publishing,
  ...recovery,
  ...heartbeat,
];
