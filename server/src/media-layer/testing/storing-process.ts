import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { Bus } from '../../bus/index.ts';
import { HotCatalog } from '../cache/hot-catalog.ts';
import { NatsBodies } from '../cache/bodies.nats.ts';
import { NatsCatalog } from '../cache/catalog.nats.ts';
import { NatsFlights } from '../cache/flights.nats.ts';
import { TELEPHONE } from '../resources/forms.ts';
import { testLayer } from './layers.ts';

/** A process of its own that asks for one resource until it is killed: `node storing-process.ts NATS_URL URL ACCOUNT`. */
const [, , natsUrl = '', url = '', accountSid = ''] = process.argv;
const bus = await Bus.connect({
  url: natsUrl,
  name: 'killed',
  ...{ clock: systemClock, random: systemRandom, log: silentLog },
});
const stores = {
  catalog: new HotCatalog(await NatsCatalog.open(bus)),
  bodies: await NatsBodies.open(bus),
  flights: await NatsFlights.open({ bus, node: 'killed' }),
};
const { layer } = testLayer({ clock: systemClock, stores });
await layer.get({ accountSid, source: { kind: 'url', url }, form: TELEPHONE });
await layer.settled();
process.stdout.write('stored\n');
