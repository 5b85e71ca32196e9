import { readFileSync } from 'node:fs';

/**
 * Loaded into a gateway before its own code: at SIGUSR2 its wall clock is set as far ahead as CHAOS_CLOCK_FILE says, in
 * milliseconds. Timers and the monotonic clock go on as they are, as when a machine's time is set. The file and not the number of
 * signals counts: several become one when the process is busy.
 */
const real = Date.now.bind(Date);
let ahead = 0;

Date.now = () => real() + ahead;
process.on('SIGUSR2', () => {
  ahead = Number(readFileSync(process.env['CHAOS_CLOCK_FILE'] ?? '', 'utf8'));
});
