import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BaresipPhone } from '../testing/baresip-phone.ts';
import { PASSWORD, PHONE_DOMAIN } from '../testing/phone-world.ts';
import { NO_RESIDUE, TransferWorld } from '../testing/transfer-world.ts';
import type { Party } from '../testing/transfer-world.ts';

const US = '+15550100';
const DESK = '+15550101';
/** What baresip says, and the two others. */
const [PHONE, ANNA, CARL] = [440, 700, 1200];

describe('baresip', () => {
  let world: TransferWorld;
  let phone: BaresipPhone;
  let anna: Party;
  let carl: Party;

  beforeAll(async () => {
    world = await TransferWorld.open();
    anna = await world.party();
    carl = await world.party();
    phone = await BaresipPhone.start({
      user: 'alice',
      domain: PHONE_DOMAIN,
      password: PASSWORD,
      server: `127.0.0.1:${String(world.port)}`,
      transport: 'udp',
    });
    await world.until(() => world.bus.of('phone.registered').length === 1);
  });
  afterEach(async () => {
    for (const call of [...anna.calls.splice(0), ...carl.calls.splice(0)]) {
      call.control.bye();
      await call.close();
    }
    await expect.poll(() => world.residue, { timeout: 10_000 }).toEqual(NO_RESIDUE);
    world.bus.emitted.length = 0;
  });
  afterAll(async () => {
    await phone.stop();
    await world.close();
  });

  it('transfers the caller to a number, and is hung up', async () => {
    world.documents.set(US, `<Dial answerOnBridge="true"><Sip>sip:alice@${PHONE_DOMAIN}</Sip></Dial>`);
    const caller = await anna.dial(US);
    caller.say(ANNA);
    await caller.hears(PHONE);
    phone.command('transfer', `sip:${carl.number}@${PHONE_DOMAIN}`);
    await phone.event('CALL_CLOSED');
    await world.until(() => carl.calls.length > 0);
    carl.call.say(CARL);
    await Promise.all([caller.hears(CARL), carl.call.hears(ANNA)]);
    expect(world.transfers()).toEqual(['transfer-requested blind', 'transferred blind']);
  });

  it('goes where Refer sends it, and says so', async () => {
    world.documents.set(US, `<Refer action="/done"><Sip>sip:${DESK}@${PHONE_DOMAIN}</Sip></Refer>`);
    world.documents.set(DESK, '<Say>hello</Say>');
    phone.command('dial', `sip:${US}@${PHONE_DOMAIN}`);
    await world.until(() => world.requests.some(({ url }) => url.endsWith('/done')));
    expect(world.requests.at(-1)?.params).toMatchObject({
      ReferCallStatus: 'completed',
      ReferSipResponseCode: '202',
      NotifySipResponseCode: '200',
    });
    expect(world.requests.map(({ params }) => params['To'])).toContain(DESK);
  });
});
