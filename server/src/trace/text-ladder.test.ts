import { describe, expect, it } from 'vitest';
import { headOf, renderLadder, traceOf } from './index.ts';
import { ROOT, Recording } from './testing/recording.ts';

async function ladder(options: Parameters<typeof renderLadder>[1]): Promise<string> {
  const recording = new Recording();
  recording.wholeCall();
  const call = await recording.recorder.find('operator', ROOT);
  return renderLadder(traceOf(call!), options).join('\n');
}

describe('the ladder as text', () => {
  it('shows messages, requests, devices, events and media of all legs in their order', async () => {
    expect(`\n${await ladder({ width: 132 })}\n`).toMatchInlineSnapshot(`
      "
      CA00000000000000000000000000000001  inbound  +15550199 -> +15550100  completed  5.526 s
      started 2030-01-01T00:00:00.000Z  account AC00000000000000000000000000000001
      leg 2  CA00000000000000000000000000000002

                     192.0.2.1:5060                     hookswitch                    app.example:8081                       alice
                        +15550199
                            |                                |                                |                                |
           0.000            |--------- INVITE (x2) --------->|                                |                                |
                            | PCMA PCMU 192.0.2.1:4000       |                                |                                |
           2.000            |<------ 100 Trying (x2) --------|                                |                                |
           2.000            |                                | * call.initiated  leg 1 +15550199 to +15550100 trunk=TK1        |
         503.000            |                                |-- POST /voice?x=1 (ringing) -->|                                |
         521.000            |                                |<------------ 200 --------------|                                |
                            |                                | Say Dial Client · 18 ms        |                                |
         521.000            |                                | * call.initiated  leg 2 +15550199 to client:alice               |
         521.000            |                                |------------------- client.incoming (leg 2) -------------------->|
        3521.000            |                                |<------------------ client.accepted (leg 2) ---------------------|
        3521.000            |<---------- 200 OK -------------|                                |                                |
                            | PCMA PCMU 192.0.2.1:40000      |                                |                                |
        3526.000            |------------- ACK ------------->|                                |                                |
        3526.000            |                                | * media flowing  leg 1 first audio after 12 ms                  |
        3526.000            |                                | * media dtmf  leg 1 *          |                                |
        3526.000            |                                | * call.merged  leg 1 peerCallSid=leg 2                          |
        5522.250            |                                |-- POST /status (completed) --->|                                |
        5526.250            |---- BYE (Q.850;cause=16) ----->|                                |                                |
        5526.250            |<------- 200 OK (BYE) ----------|                                |                                |
        5526.250            |                                | * call.ended  leg 2 status=completed cause=hangup-caller durationSeconds=1
        5526.250            |                                | * call.ended  leg 1 status=completed cause=hangup-caller durationSeconds=1
        5526.250            |                                |<------------ 500 --------------|                                |
                            |                                | the application server         |                                |
                            |                                | answered 500 · 4 ms            |                                |
      "
    `);
  });

  it('never exceeds the width; too narrow for columns, it is a list', async () => {
    for (const width of [132, 100, 80, 60, 40]) {
      const lines = (await ladder({ width })).split('\n').slice(4);
      if (width >= 100) expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }
    expect((await ladder({ width: 60 })).split('\n').slice(4, 9)).toMatchInlineSnapshot(`
      [
        "     0.000 192.0.2.1:5060 > hookswitch  INVITE (x2) (PCMA PCMU 192.0.2.1:4000)",
        "     2.000 hookswitch > 192.0.2.1:5060  100 Trying (x2)",
        "     2.000 *  call.initiated  leg 1 +15550199 to +15550100 trunk=TK1",
        "   503.000 hookswitch > app.example:8081  POST /voice?x=1 (ringing)",
        "   521.000 app.example:8081 > hookswitch  200 (Say Dial Client · 18 ms)",
      ]
    `);
  });

  it('--full shows whole messages', async () => {
    const text = await ladder({ full: true });
    expect(text).toContain('Max-Forwards: 70');
    expect(text).toContain('CallStatus: ringing');
    expect(text).toContain('<Client>alice</Client>');
    expect(text).not.toContain('sealed');
  });

  it('what a peer sent does not control the terminal', () => {
    const recording = new Recording();
    recording.sip('in', { start: 'EVIL\u001b[2J sip:x SIP/2.0', headers: ['Reason: \u009b31m\u202eabc'] });
    return recording.recorder.recent('operator', 1).then(([call]) => {
      const text = renderLadder(traceOf(call!), { full: true }).join('');

      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    });
  });

  it('a message that is no SIP is shown all the same', async () => {
    const recording = new Recording();
    recording.sip('in', { start: '' });
    const [call] = await recording.recorder.recent('operator', 1);
    expect(headOf(call!).status).toBe('unanswered');
    expect(traceOf(call!).entries).toHaveLength(1);
  });
});
