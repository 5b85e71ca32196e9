import type { Check } from '../suite.ts';
import { connecting } from './connecting.ts';
import { filters } from './filters.ts';
import { frames } from './frames.ts';
import { heartbeat } from './heartbeat.ts';
import { plainHttp } from './plain-http.ts';
import { presence } from './presence.ts';
import { publishing } from './publishing.ts';
import { recovery } from './recovery.ts';
import { rewind } from './rewind.ts';
import { socketio } from './socketio.ts';
import { subscribing } from './subscribing.ts';

const numberOf = ({ section }: Check): number => Number(section);

/** Everything that docs/spec/hub-protocol.md promises and a client with one token can see, in the document's order. */
export const CHECKS: readonly Check[] = [
  ...connecting,
  ...frames,
  ...subscribing,
  ...publishing,
  ...recovery,
  ...rewind,
  ...filters,
  ...presence,
  ...heartbeat,
  ...socketio,
  ...plainHttp,
].sort((a, b) => Math.floor(numberOf(a)) - Math.floor(numberOf(b)) || numberOf(a) - numberOf(b));
