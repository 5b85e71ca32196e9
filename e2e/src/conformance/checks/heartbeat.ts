import { DISCONNECTS } from '@hookswitch/shared';
import { check, must, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';

export const heartbeat: readonly Check[] = [
  check({
    section: 7,
    what: 'the server pings every heartbeatMs; a client that pongs stays',
    slow: true,
    run: async ({ open, token }) => {
      const peer = await open();
      const { heartbeatMs } = await peer.askFor('connected', { type: 'connect', token });
      const from = performance.now();
      const pings = (): number => peer.received.filter(({ type }) => type === 'ping').length;
      await peer.until('three pings', () => pings() >= 3, heartbeatMs * 3 + 5000);
      const each = (performance.now() - from) / 3;
      must(Math.abs(each - heartbeatMs) < heartbeatMs / 3, `a ping every ${Math.round(each)} ms, not ${heartbeatMs}`);
      await peer.askFor('pong', { type: 'ping' });
    },
  }),
  check({
    section: 7,
    what: 'a client that is silent for two intervals is closed, 4002',
    slow: true,
    run: async ({ open, token }) => {
      const peer = await open({ answersPings: false });
      const { heartbeatMs } = await peer.askFor('connected', { type: 'connect', token });
      mustEqual((await peer.end(heartbeatMs * 3 + 5000)).code, DISCONNECTS.heartbeat.code, 'close code');
    },
  }),
];
