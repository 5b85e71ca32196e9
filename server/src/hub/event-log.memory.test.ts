import { FakeClock } from '../kernel/clock.fake.ts';
import { eventLogConformance } from './event-log.conformance.ts';
import { MemoryEventLog } from './event-log.memory.ts';

eventLogConformance('memory', () => {
  const clock = new FakeClock();
  const log = new MemoryEventLog(clock);
  return Promise.resolve({
    log,
    interrupt: async () => {
      log.loseConnection();
      await Promise.resolve();
      log.regainConnection();
    },
    purge: (accountSid, seq) => {
      log.purge(accountSid, seq);
      return Promise.resolve();
    },
    recreate: () => {
      log.recreate();
      return Promise.resolve();
    },
    pass: (ms) => {
      clock.advance(ms);
      return Promise.resolve();
    },
    close: () => log.close(),
  });
});
