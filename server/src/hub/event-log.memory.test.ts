import { eventLogConformance } from './event-log.conformance.ts';
import { MemoryEventLog } from './event-log.memory.ts';

eventLogConformance('memory', () => {
  const log = new MemoryEventLog();
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
    close: () => log.close(),
  });
});
