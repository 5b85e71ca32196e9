/**
 * The speed of the parser, as a program: for each line read it prints how many 1 KB INVITEs are parsed and checked in a
 * second of CPU (not of the clock: other work on the machine does not count).
 */
import { answerLines } from '../../testing/answer-lines.ts';
import { checkMessage, parseMessage } from '../message/index.ts';
import { carrierInvite } from './messages.ts';

const BATCH = 20_000;
const bytes = carrierInvite();

function batch(): number {
  const before = process.cpuUsage();
  for (let i = 0; i < BATCH; i++) {
    const parsed = parseMessage(bytes);
    if (parsed === undefined || checkMessage(parsed).length > 0) throw new Error('the sample is no longer accepted');
  }
  const { user, system } = process.cpuUsage(before);
  return (BATCH * 1e6) / (user + system);
}

// The compiler has seen the code before anything is measured.
for (let i = 0; i < 3; i++) batch();
await answerLines({ bytes: bytes.length }, () => ({ perSecond: Math.round(batch()) }));
