import { seededRandom } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { settle } from '../../kernel/clock.fake.ts';
import { checkMessage, parseMessage, serialize, startsLikeSip } from '../../sip/message/index.ts';
import { SdpError, createSdpSession } from '../../sip/sdp/index.ts';
import type { SdpSession } from '../../sip/sdp/index.ts';
import { testAgent } from '../../sip/testing/agent.ts';
import type { TestAgent } from '../../sip/testing/agent.ts';
import { headerOf } from '../../sip/testing/transport.fake.ts';
import { responseText } from '../../sip/testing/messages.ts';
import { sampleSdp } from '../../sip/testing/sdp.ts';
import type { IncomingCall } from '../../sip/user-agent/api.ts';
import { mutate, pick } from './mutation.ts';
import { FuzzRun } from './report.ts';
import type { FuzzOptions, FuzzReport } from './report.ts';
import { insideRequest, outsideRequest, tortureMessage } from './sip-seeds.ts';
import type { KnownDialog } from './sip-seeds.ts';

const LOCAL = { address: '127.0.0.1', port: 30_000, codecs: ['PCMU', 'PCMA'] } as const;
const STATUSES = [
  '100 Trying',
  '180 Ringing',
  '183 Session Progress',
  '200 OK',
  '302 Moved',
  '401 Unauthorized',
  '486 Busy',
  '503 Later',
];
/** Dialogs remembered as targets of later requests. */
const MOST_DIALOGS = 16;

/**
 * Mutated messages through parser and user agent: requests from outside, inside dialogs, responses to what we sent, and
 * the torture messages. Every request that can be told to be one must be answered, nothing may throw or be logged as an
 * error, and nothing may be left when all timers have run out.
 */
export async function fuzzSip(options: FuzzOptions): Promise<FuzzReport> {
  const run = new FuzzRun('SIP', options);
  const fuzzer = new SipFuzzer(seededRandom(options.seed));
  await run.each(
    () => fuzzer.next(),
    (input) => fuzzer.feed(input),
  );
  fuzzer.end();
  return run.report();
}

class SipFuzzer {
  readonly #random: Random;
  readonly #test: TestAgent;
  readonly #dialogs: KnownDialog[] = [];
  #id = 0;
  /** Requests of ours that wait for responses. */
  #outgoing: string[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#test = testAgent({
      onInvite: (call) => {
        this.#decide(call);
      },
    });
  }

  next(): Buffer {
    const random = this.#random;
    const id = ++this.#id;
    const kind = random.int(10);
    if (id % 64 === 0) this.#call();
    const others = [outsideRequest(id, random), tortureMessage(id, random)];
    if (kind === 0) return mutate(tortureMessage(id, random), random, others);
    if (kind < 3 && this.#outgoing.length > 0) return mutate(this.#response(), random, others);
    if (kind < 6 && this.#dialogs.length > 0)
      return mutate(insideRequest(id, pick(this.#dialogs, random), random), random, others);
    return mutate(outsideRequest(id, random), random, others);
  }

  /** @returns what became of it; throws when that is not as it must be */
  async feed(input: Buffer): Promise<string> {
    const { transport, clock, errors } = this.#test;
    const parsed = parseMessage(input);
    if (parsed === undefined) {
      if (startsLikeSip(input)) throw new Error('taken for SIP and not parsed');
      return 'not SIP';
    }
    checkMessage(parsed);
    parseMessage(serialize(parsed.message));
    transport.take();
    transport.deliver(input);
    // 100 comes after 200 ms at the latest (section 17.2.1).
    clock.advance(250);
    let sent = transport.take();
    if (parsed.kind === 'request' && parsed.message.method !== 'ACK' && !sent.some(isResponse)) {
      await settle();
      sent = transport.take();
      if (!sent.some(isResponse)) throw new Error('a request was not answered');
    }
    if (errors.length > 0) throw new Error(`logged as an error: ${JSON.stringify(errors[0])}`);
    this.#learn(sent);
    if (this.#id % 200 === 0) await clock.advanceAsync(40_000);
    const status = sent.find(isResponse);
    return parsed.kind === 'response' ? 'response' : (status?.slice(8, 11) ?? 'ACK');
  }

  /** Nothing may be left once every timer has run out and the agent is closed. */
  end(): void {
    const { agent, clock, transport } = this.#test;
    clock.advance(400_000);
    for (const { transactions, dialogs, calls } of [agent.stats])
      if (transactions + dialogs + calls > MOST_DIALOGS * 40)
        throw new Error(`left after the run: ${JSON.stringify(agent.stats)}`);
    agent.close();
    transport.take();
    const { transactions, dialogs, calls } = agent.stats;
    if (transactions + dialogs + calls + clock.pendingTimers > 0)
      throw new Error(`left after close: ${JSON.stringify(agent.stats)}, ${clock.pendingTimers} timers`);
  }

  /** An application that does all that one can do with a call. */
  #decide(call: IncomingCall): void {
    const random = this.#random;
    if (random.int(3) === 0) call.ring();
    const choice = random.int(6);
    if (choice === 0) call.reject(486);
    else if (choice === 1) call.redirect(['sip:elsewhere@127.0.0.1']);
    else if (choice === 2) {
      // Left ringing until the caller or the run gives up.
      call.listen({});
      this.#test.clock.setTimer(60_000, () => {
        call.reject(480);
      });
    } else this.#answer(call);
  }

  #answer(call: IncomingCall): void {
    const session = createSdpSession(LOCAL, this.#random);
    const offer = call.remoteOffer;
    const reply = offerReply(session, offer);
    if ('status' in reply) {
      call.reject(reply.status);
      return;
    }
    call.listen({
      onReinvite: (again) => offerReply(session, again),
      onRefer: (refer) => {
        refer.accept();
        refer.progress(200);
      },
      onInfo: () => undefined,
    });
    if (this.#random.int(3) === 0) call.progress(reply.sdp);
    call.answer(reply.sdp);
    this.#test.clock.setTimer(30_000, () => {
      call.bye();
    });
  }

  #call(): void {
    this.#test.agent.invite(
      { target: 'sip:peer@127.0.0.1:5070', from: { uri: 'sip:us@127.0.0.1' }, sdp: sampleSdp(), timeoutMs: 20_000 },
      { onAnswered: () => undefined },
    );
    this.#learn(this.#test.transport.take());
  }

  #response(): Buffer {
    const request = pick(this.#outgoing, this.#random);
    const body = this.#random.int(2) === 0 ? { body: sampleSdp() } : {};
    return Buffer.from(responseText(request, pick(STATUSES, this.#random), { toTag: `p${this.#id}`, ...body }));
  }

  #learn(sent: readonly string[]): void {
    for (const text of sent) {
      if (!isResponse(text)) this.#outgoing = [...this.#outgoing.slice(-7), text];
      else if (/^SIP\/2\.0 2\d\d /.test(text) && headerOf(text, 'CSeq').endsWith('INVITE')) {
        this.#dialogs.push({
          callId: headerOf(text, 'Call-ID'),
          from: headerOf(text, 'From'),
          to: headerOf(text, 'To'),
        });
        if (this.#dialogs.length > MOST_DIALOGS) this.#dialogs.shift();
      }
    }
  }
}

/** As an application answers: bad SDP is refused with the status that fits. */
function offerReply(session: SdpSession, offer: string | undefined): { sdp: string } | { status: number } {
  try {
    return { sdp: offer === undefined ? session.createOffer() : session.answerOffer(offer).sdp };
  } catch (error) {
    if (error instanceof SdpError) return { status: error.status };
    throw error;
  }
}

function isResponse(text: string): boolean {
  return text.startsWith('SIP/2.0 ');
}
