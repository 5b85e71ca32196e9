import { expect, vi } from 'vitest';
import { laterResponse, pause, receive, response } from './scenario.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const keepInvite = { keep: { peer: 'From', via: 'Via' } };
const ringing = (fork: string): string => laterResponse('180 Ringing', { tag: fork, repeat: false });
const answer = (fork: string): string => laterResponse('200 OK', { tag: fork, sdp: true, repeat: false });
const from = (fork: string): { check: Record<string, string> } => ({ check: { To: `tag=[0-9]+${fork}` } });

export const FORKS: readonly Row[] = [
  row('RFC 3261 section 13.2.2.4: three forks ring, one answers', async (peer) => {
    const forks = new Set<string>();
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      ringing('forkA'),
      ringing('forkB'),
      laterResponse('183 Session Progress', { tag: 'forkC', sdp: true, repeat: false }),
      pause(50),
      answer('forkB'),
      receive('ACK', from('forkB')),
      receive('BYE', from('forkB')),
      response('200 OK'),
    ]);
    const call = await peer.answeredCall(sipp.target, { onProvisional: ({ earlyDialog }) => forks.add(earlyDialog) });
    call.bye();
    await sipp.done();
    expect(forks.size).toBe(3);
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 3261 section 13.2.2.4: two forks answer: the second is acknowledged and ended', async (peer) => {
    let answers = 0;
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      ringing('forkA'),
      ringing('forkB'),
      answer('forkA'),
      receive('ACK', from('forkA')),
      answer('forkB'),
      receive('ACK', from('forkB')),
      receive('BYE', from('forkB')),
      response('200 OK'),
      receive('BYE', from('forkA')),
      response('200 OK'),
    ]);
    const call = await peer.answeredCall(sipp.target, { onAnswered: () => answers++ });
    const bye = (): boolean => peer.messages().includes('out BYE') && peer.messages().at(-1) === 'in 200';
    await vi.waitUntil(bye, { timeout: 5_000 });
    call.bye();
    await sipp.done();
    expect(answers).toBe(1);
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 3261 section 13.2.2.4: one answers, both acknowledged again when the 200s come again', async (peer) => {
    const sipp = await peer.sippWaits(
      [
        receive('INVITE', keepInvite),
        answer('forkA'),
        receive('ACK', from('forkA')),
        answer('forkA'),
        receive('ACK', from('forkA')),
        receive('BYE', from('forkA')),
        response('200 OK'),
      ],
      // Else sipp answers the second ACK by itself, as a retransmission.
      ['-nr'],
    );
    const call = await peer.answeredCall(sipp.target);
    await vi.waitUntil(() => peer.messages().filter((line) => line === 'out ACK').length >= 2, { timeout: 5_000 });
    call.bye();
    await sipp.done();
  }),
  row('RFC 3262: reliable responses of two forks, each acknowledged in its own early dialog', async (peer) => {
    const reliable = (fork: string, rseq: number): string =>
      laterResponse('183 Session Progress', {
        tag: fork,
        headers: ['Require: 100rel', `RSeq: ${String(rseq)}`],
        sdp: true,
        repeat: false,
      });
    const pracked = (fork: string, rseq: number): string[] => [
      receive('PRACK', { check: { RAck: `${String(rseq)} 1 INVITE`, To: `tag=[0-9]+${fork}` } }),
      response('200 OK'),
    ];
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      reliable('forkA', 11),
      ...pracked('forkA', 11),
      reliable('forkB', 70),
      ...pracked('forkB', 70),
      laterResponse('200 OK', { tag: 'forkB', repeat: false }),
      receive('ACK', from('forkB')),
      receive('BYE', from('forkB')),
      response('200 OK'),
    ]);
    (await peer.answeredCall(sipp.target)).bye();
    await sipp.done();
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 6228: a fork that ends is told apart from the call', async (peer) => {
    const ended: string[] = [];
    const sipp = await peer.sippWaits([
      receive('INVITE', { ...keepInvite, check: { Supported: '199' } }),
      ringing('forkA'),
      ringing('forkB'),
      laterResponse('199 Early Dialog Terminated', { tag: 'forkA', repeat: false }),
      pause(50),
      laterResponse('486 Busy Here', { tag: 'forkB', repeat: false }),
      receive('ACK', from('forkB')),
    ]);
    peer.call(sipp.target, { onForkEnded: ({ earlyDialog }) => ended.push(earlyDialog.replace(/^\d+|\d+$/g, '')) });
    await sipp.done();
    expect(ended).toEqual(['forkA']);
    expect(peer.failures).toMatchObject([{ status: 486 }]);
  }),
  row('RFC 3261 section 9.1: a CANCEL ends all forks', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      ringing('forkA'),
      ringing('forkB'),
      receive('CANCEL'),
      response('200 OK', { tag: true }),
      laterResponse('487 Request Terminated', { tag: 'forkA', repeat: false }),
      receive('ACK'),
    ]);
    let heard = 0;
    const call = peer.call(sipp.target, {
      onProvisional: () => {
        if (++heard === 2) call.cancel();
      },
    });
    await sipp.done();
    expect(peer.ends).toEqual(['failed 487']);
  }),
];
