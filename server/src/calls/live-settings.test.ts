import { expect, it } from 'vitest';
import { CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const told = ({ callbacks }: CallWorld): string[] =>
  callbacks.map(({ url, method, params }) => `${method} ${url} ${params['CallStatus'] ?? ''}`);
const to = (path: string) => ({ url: `http://app.test${path}`, method: 'GET' as const });

it('CR-4 a status callback that is changed during a call is told of its further steps, and one that is taken away of none', async () => {
  const end = async (world: CallWorld): Promise<string[]> => {
    world.legs.remoteEnd(CALL, 'hangup-caller');
    await settle();
    return told(world);
  };
  const all = ['initiated', 'ringing', 'answered', 'completed'] as const;
  const changed = new CallWorld();
  await changed.twiml('<Pause length="60"/>').call();
  changed.router.update(CALL, { kind: 'settings', statusCallback: { ...to('/first'), events: all } });
  changed.router.legEvent({ kind: 'leg-answered', callSid: CALL });
  changed.router.update(CALL, { kind: 'settings', statusCallback: { ...to('/second'), events: ['completed'] } });
  expect(await end(changed)).toEqual(['GET http://app.test/first in-progress', 'GET http://app.test/second completed']);
  const taken = new CallWorld();
  await taken.twiml('<Pause length="60"/>').call();
  taken.router.update(CALL, { kind: 'settings', statusCallback: { ...to('/first'), events: all } });
  taken.router.update(CALL, { kind: 'settings', statusCallback: null });
  expect(await end(taken)).toEqual([]);
});
