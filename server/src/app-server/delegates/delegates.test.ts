import { describe, expect, it } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { eventually } from '../../bus/testing/eventually.ts';
import type { InstructionRequest, InstructionResponse } from '../../calls/ports.ts';
import { silentLog } from '../../kernel/index.ts';
import { DelegatingInstructions } from './delegating-instructions.ts';
import { MemoryDelegateStore } from './delegate-store.memory.ts';
import { NatsDelegateStore } from './delegate-store.nats.ts';
import type { Delegate } from './ports.ts';

const REQUEST: InstructionRequest = {
  accountSid: 'AC1',
  callSid: 'CA1',
  url: 'http://own.test/voice',
  method: 'POST',
  params: { CallSid: 'CA1', Config_queue: 'forged' },
  firstOf: 'AP1',
};
const never = new AbortController().signal;
const delegate = (name: string, ...attributes: [string, string][]): Delegate => ({
  url: `http://${name}.test/`,
  method: 'POST',
  attributes: attributes.map(([key, value]) => ({ name: key, value })),
});

async function ask(
  answers: Record<string, Partial<InstructionResponse>>,
  list: readonly Delegate[],
  request = REQUEST,
) {
  const asked: InstructionRequest[] = [];
  const delegates = new MemoryDelegateStore();
  await delegates.put('AC1', 'AP1', list);
  const instructions = new DelegatingInstructions({
    delegates,
    log: silentLog,
    problemOf: ({ body }) => (body === 'broken' ? 'not XML' : undefined),
    inner: {
      fetch: (one) => {
        asked.push(one);
        const base = {
          ok: true,
          url: one.url,
          status: 200,
          contentType: 'text/xml',
          body: '<Response/>',
          durationMs: 1,
        };
        return Promise.resolve({ ...base, ...answers[new URL(one.url).hostname] } as InstructionResponse);
      },
    },
  });
  const response = await instructions.fetch(request, never);
  return { asked, response, hosts: asked.map(({ url }) => new URL(url).hostname) };
}

describe('CR-8 delegates of an application', () => {
  it('are asked in their order, with their attributes; the first who has instructions runs the call', async () => {
    const { hosts, asked, response } = await ask(
      {
        'failing.test': { ok: false, code: 11_205, message: 'refused', hint: '' },
        'declines.test': { status: 204 },
        'says-no.test': { contentType: 'application/json', body: '{"decline":"closed"}' },
        'broken.test': { body: 'broken' },
      },
      [
        ...['failing', 'declines', 'says-no', 'broken'].map((name) => delegate(name)),
        delegate('takes', ['queue', 'sales'], ['a', '1']),
      ],
    );
    expect(hosts).toEqual(['failing.test', 'declines.test', 'says-no.test', 'broken.test', 'takes.test']);
    expect(response).toMatchObject({ ok: true, url: 'http://takes.test/' });
    expect(Object.entries(asked.at(-1)!.params)).toEqual([
      ['CallSid', 'CA1'],
      ['Config_queue', 'sales'],
      ['Config_a', '1'],
      ['DelegateApplicationSid', 'AP1'],
      ['DelegatePosition', '5'],
      ['DelegateCount', '5'],
    ]);
  });

  it('when none has any the application itself is asked, and its answer counts', async () => {
    const { hosts, response } = await ask({ 'one.test': { status: 204 } }, [delegate('one')]);
    expect(hosts).toEqual(['one.test', 'own.test']);
    expect(response.url).toBe(REQUEST.url);
  });

  it('are not asked for anything but the first instructions of a call, nor for another account', async () => {
    const later: InstructionRequest = { ...REQUEST };
    Reflect.deleteProperty(later, 'firstOf');
    expect((await ask({}, [delegate('one')], later)).hosts).toEqual(['own.test']);
    expect((await ask({}, [delegate('one')], { ...REQUEST, accountSid: 'AC2' })).hosts).toEqual(['own.test']);
  });

  it('are the same on all nodes, read back at once, and gone with their application', async () => {
    const nats = await startTestNats();
    const [one, two] = [await NatsDelegateStore.open(nats.bus), await NatsDelegateStore.open(nats.bus)];
    await one.put('AC1', 'AP1', [delegate('a', ['x', '1'])]);
    expect(one.get('AC1', 'AP1')).toEqual([delegate('a', ['x', '1'])]);
    await eventually(() => {
      expect(two.get('AC1', 'AP1')).toEqual([delegate('a', ['x', '1'])]);
    });
    expect(two.get('AC2', 'AP1')).toEqual([]);
    await one.remove('AC1', 'AP2');
    await two.remove('AC1', 'AP1');
    await eventually(() => {
      expect([one, two].map((store) => store.get('AC1', 'AP1'))).toEqual([[], []]);
    });
    one.close();
    two.close();
    await nats.close();
  }, 30_000);
});
