import { describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { systemRandom } from '../kernel/index.ts';
import { SealedTokens } from './sealed-token.ts';
import type { TokenBearer } from './sealed-token.ts';

const alice: TokenBearer = { accountSid: 'AC1', identity: 'support/tier1/alice', registration: 'r1' };
const callSid = `CA${'0'.repeat(32)}`;

function setUp() {
  const clock = new FakeClock();
  const tokens = new SealedTokens({ node: 'node-a', clock, random: systemRandom });
  const token = tokens.seal('bridge', alice, { callSid, expiresAt: clock.now() + 30_000 });
  return { clock, tokens, token };
}
const invalid = expect.objectContaining({ reason: 'invalid' }) as unknown;

describe('sealed tokens', () => {
  it('BR-3 the node that sealed a token opens it for its bearer', () => {
    const { clock, tokens, token } = setUp();
    expect(tokens.open('bridge', alice, token)).toEqual({ callSid, node: 'node-a', expiresAt: clock.now() + 30_000 });
    expect(token).not.toContain(callSid);
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain(callSid);
  });

  it('BR-3 another node refuses the token, even under the same name', () => {
    const { clock, token } = setUp();
    for (const node of ['node-b', 'node-a']) {
      const other = new SealedTokens({ node, clock, random: systemRandom });
      expect(() => other.open('bridge', alice, token)).toThrow(invalid);
    }
  });

  it.each<[string, TokenBearer]>([
    ['identity', { ...alice, identity: 'support/tier1/bob' }],
    ['account', { ...alice, accountSid: 'AC2' }],
    ['registration', { ...alice, registration: 'r2' }],
    ['split of the members', { accountSid: 'AC1","support/tier1/alice', identity: 'r1', registration: '' }],
  ])('BR-3 the token of one bearer is refused for another %s', (_what, bearer) => {
    const { tokens, token } = setUp();
    expect(() => tokens.open('bridge', bearer, token)).toThrow(invalid);
  });

  it('BR-3 a bridge token is no reconnect token and the other way round', () => {
    const { clock, tokens, token } = setUp();
    expect(() => tokens.open('reconnect', alice, token)).toThrow(invalid);
    const reconnect = tokens.seal('reconnect', alice, { callSid, expiresAt: clock.now() + 1 });
    expect(() => tokens.open('bridge', alice, reconnect)).toThrow(invalid);
  });

  it('BR-3 an expired token is refused as expired, to the millisecond', () => {
    const { clock, tokens, token } = setUp();
    clock.advance(29_999);
    expect(tokens.open('bridge', alice, token).callSid).toBe(callSid);
    clock.advance(1);
    expect(() => tokens.open('bridge', alice, token)).toThrow(expect.objectContaining({ reason: 'expired' }) as Error);
  });

  it('BR-3 a token with any bit flipped is refused', () => {
    const { tokens, token } = setUp();
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const forged = Buffer.from(bytes);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => tokens.open('bridge', alice, forged.toString('base64url'))).toThrow(invalid);
    }
  });

  it.each(['', 'x', '!!!!', 'A'.repeat(37), 'A'.repeat(2048), '\u0000'])(
    'BR-3 refuses what is no token: %j',
    (text) => {
      expect(() => setUp().tokens.open('bridge', alice, text)).toThrow(invalid);
    },
  );

  it('BR-3 refuses a token cut short, prolonged or spelled differently', () => {
    const { tokens, token } = setUp();
    for (const text of [token.slice(0, -1), token.slice(1), `${token}A`, `${token}=`, ` ${token}`, `${token}\n`]) {
      expect(() => tokens.open('bridge', alice, text)).toThrow(invalid);
    }
  });

  it('BR-3 no two tokens are alike', () => {
    const { clock, tokens } = setUp();
    const made = Array.from({ length: 1000 }, () =>
      tokens.seal('bridge', alice, { callSid, expiresAt: clock.now() + 1 }),
    );
    expect(new Set(made).size).toBe(1000);
  });
});
