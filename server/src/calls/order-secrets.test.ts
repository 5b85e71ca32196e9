import { describe, expect, it } from 'vitest';
import { systemRandom } from '../kernel/index.ts';
import { SecretBox } from '../tenants/index.ts';
import type { CallOrder } from './call-order.ts';
import { openOrder, sealOrder } from './order-secrets.ts';

describe('passwords of SIP addresses that wait to be called', () => {
  const box = new SecretBox(new Uint8Array(32).fill(5), systemRandom);
  const seal = (text: string, context: string): string => box.seal(text, context);
  const open = (text: string, context: string): string => box.open(text, context);
  const order = (target: CallOrder['target']): CallOrder => ({
    from: 'client:bob',
    to: 'sip:desk@pbx.test',
    target,
    application: { voice: { url: 'https://app.test/', method: 'POST' } },
    timeoutMs: 1000,
  });
  const sip = { kind: 'sip', uri: 'sip:desk@pbx.test', username: 'u', headers: [] } satisfies CallOrder['target'];

  it('are sealed for their call, and opened again', () => {
    const given = order({ ...sip, password: 'Correct horse' });
    const stored = sealOrder(given, 'CA1', seal);
    expect(JSON.stringify(stored)).not.toContain('Correct');
    expect(stored.target).not.toHaveProperty('password');
    expect(openOrder(stored, 'CA1', open)).toEqual(given);
    expect(() => openOrder(stored, 'CA2', open)).toThrow(/does not open/);
  });

  it('an order without one stays as it is', () => {
    for (const target of [sip, { kind: 'number', number: '+4930123' }] satisfies CallOrder['target'][]) {
      expect(sealOrder(order(target), 'CA1', seal)).toEqual(order(target));
      expect(openOrder(order(target), 'CA1', open)).toEqual(order(target));
    }
  });
});
