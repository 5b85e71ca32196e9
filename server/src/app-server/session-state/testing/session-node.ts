// A node of its own for tests: answers each line of input, `set <cookie>` or `get`, with the cookies of one pairing.
import { createInterface } from 'node:readline';
import { Bus } from '../../../bus/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../kernel/index.ts';
import { NatsSessionStore } from '../session-store.nats.ts';
import { StoredSessionState } from '../stored-session-state.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const bus = await Bus.connect({ url: process.argv[2] ?? '', name: 'session-node', ...parts });
const state = new StoredSessionState({ store: await NatsSessionStore.open(bus, 3_600_000), ...parts });
const key = { accountSid: 'AC1', callSid: `CA${process.pid}`, from: '+15550177', to: '+15550100' };
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const turn = await state.begin(key, 'https://app.example.com/voice');
  if (line.startsWith('set ')) await turn.keep([line.slice(4)]);
  process.stdout.write(line === 'get' ? `${turn.cookies ?? 'none'}\n` : 'kept\n');
}
