import { describe, expect, it } from 'vitest';
import { eventOf, parseTelephoneEvent, serializeTelephoneEvent, TelephoneEventReceiver } from './rfc4733.ts';
import { TelephoneEventSender } from './telephone-event-sender.ts';

interface Row {
  readonly digit?: string;
  readonly at: number;
  readonly timestamp: number;
  readonly duration: number;
  readonly end?: boolean;
  readonly marker?: boolean;
  readonly ssrc?: number;
}

function run(rows: readonly Row[], until = 0): string[] {
  const receiver = new TelephoneEventReceiver();
  const presses = rows.flatMap((row) =>
    receiver.receive(
      {
        ssrc: row.ssrc ?? 1,
        timestamp: row.timestamp,
        marker: row.marker ?? false,
        payload: serializeTelephoneEvent({
          event: eventOf(row.digit ?? '5') ?? 99,
          end: row.end ?? false,
          volume: 10,
          duration: row.duration,
        }),
      },
      row.at,
    ),
  );
  return [...presses, ...receiver.expire(until)].map((press) => `${press.digit} ${String(press.durationMs)}`);
}
/** A press as it should be: updates, then three end packets. */
function press(digit: string, start: number, options: { marker?: boolean; packets?: number } = {}): Row[] {
  const { marker = true, packets = 4 } = options;
  return Array.from({ length: packets + 3 }, (_, n) => ({
    digit,
    at: start + n * 20,
    timestamp: start * 8,
    duration: Math.min(n + 1, packets + 1) * 160,
    end: n >= packets,
    marker: marker && n === 0,
  }));
}

describe('receiving', () => {
  it.each([true, false])('one press, marker %s: three end packets are one end', (marker) => {
    expect(run(press('5', 1000, { marker }))).toEqual(['5 100']);
  });

  it('the same key twice is two presses, without marker bits too', () => {
    expect(run([...press('5', 1000, { marker: false }), ...press('5', 1200, { marker: false })])).toEqual([
      '5 100',
      '5 100',
    ]);
  });

  it('every key', () => {
    const keys = '0123456789*#ABCD';
    expect(run(Array.from(keys).flatMap((key, n) => press(key, n * 300))).join('')).toBe(
      Array.from(keys)
        .map((key) => `${key} 100`)
        .join(''),
    );
  });

  it('the start was lost: the first packet seen is an end', () => {
    expect(run(press('7', 1000).slice(4))).toEqual(['7 100']);
    expect(run(press('7', 1000).slice(6))).toEqual(['7 100']);
  });

  it('all ends were lost: the next press, or time, ends it', () => {
    expect(run([...press('1', 1000).slice(0, 3), ...press('2', 1200)])).toEqual(['1 60', '2 100']);
    expect(run(press('1', 1000).slice(0, 3), 1100)).toEqual([]);
    expect(run(press('1', 1000).slice(0, 3), 1300)).toEqual(['1 60']);
  });

  it('stragglers of an earlier press are not a new one', () => {
    const first = press('1', 1000);
    expect(run([...first.slice(0, 5), ...press('2', 1100), { ...first[6]!, at: 1260 }])).toEqual(['1 100', '2 100']);
  });

  it('a timestamp that wrongly advances with each packet is still one press', () => {
    const rows = press('9', 1000).map((row, n) => ({ ...row, timestamp: 8000 + n * 160, marker: false }));
    expect(run(rows)).toEqual(['9 100']);
  });

  it('a press longer than the duration field goes on in segments, RFC 4733 section 2.5.1.3', () => {
    const rows: Row[] = [
      { at: 0, timestamp: 0, duration: 160, marker: true },
      { at: 8192, timestamp: 0, duration: 0xffff },
      { at: 8212, timestamp: 0xffff, duration: 160 },
      { at: 8392, timestamp: 0xffff, duration: 1600, end: true },
    ];
    expect(run(rows)).toEqual([`5 ${String(Math.round((0xffff + 1600) / 8))}`]);
  });

  it('a new SSRC is a new press; other events and short payloads are ignored', () => {
    expect(
      run([...press('3', 1000), { digit: '3', at: 1140, timestamp: 8000, duration: 800, end: true, ssrc: 2 }]),
    ).toEqual(['3 100', '3 100']);
    const receiver = new TelephoneEventReceiver();
    for (const payload of [Uint8Array.of(32, 0x80, 0, 160), Uint8Array.of(5, 0x80, 0), new Uint8Array(0)]) {
      expect(receiver.receive({ ssrc: 1, timestamp: 0, marker: true, payload }, 0)).toEqual([]);
    }
    expect(parseTelephoneEvent(Uint8Array.of(11, 0x8a, 3, 32))).toEqual({
      event: 11,
      end: true,
      volume: 10,
      duration: 800,
    });
  });
});

describe('sending', () => {
  it('a press: rising duration, three ends, then a gap', async () => {
    const sender = new TelephoneEventSender();
    const result = sender.enqueue('1x#', { toneMs: 60, gapMs: 40 });
    const ticks = Array.from({ length: 16 }, () => sender.tick());
    const shown = ticks.map(({ send, ended }) =>
      send === undefined
        ? '-'
        : `${String(send.event)}:${String(send.duration)}${send.end ? 'E' : ''}${ended === true ? '.' : ''}`,
    );
    const one = (event: number): string[] => [160, 320].map((duration) => `${String(event)}:${String(duration)}`);
    const ends = (event: number): string[] => ['480E', '480E', '480E.'].map((text) => `${String(event)}:${text}`);
    expect(shown).toEqual([...one(1), ...ends(1), '-', '-', ...one(11), ...ends(11), '-', '-', '-', '-']);
    await expect(result).resolves.toBe('sent');
    expect(sender.isIdle).toBe(true);
  });

  it('pauses, and requests one after another; stop tells those who wait', async () => {
    const sender = new TelephoneEventSender();
    const first = sender.enqueue('w1', { toneMs: 40, gapMs: 20 });
    for (let n = 0; n < 25; n++) expect(sender.tick()).toEqual({});
    expect(sender.tick().send?.event).toBe(1);
    const second = sender.enqueue('2', {});
    sender.stop();
    await expect(first).resolves.toBe('stopped');
    await expect(second).resolves.toBe('stopped');
    expect(sender.tick()).toEqual({});
  });

  it('what is sent is received, key by key', () => {
    const [sender, receiver] = [new TelephoneEventSender(), new TelephoneEventReceiver()];
    void sender.enqueue('0123456789*#abcd', {});
    const heard: string[] = [];
    let stamp: number | undefined;
    for (let now = 0; !sender.isIdle; now += 20) {
      const { send, ended } = sender.tick();
      if (send === undefined) continue;
      stamp ??= now * 8;
      const packet = { ssrc: 1, timestamp: stamp, marker: false, payload: serializeTelephoneEvent(send) };
      for (const { digit, durationMs } of receiver.receive(packet, now)) heard.push(`${digit}${String(durationMs)}`);
      if (ended === true) stamp = undefined;
    }
    expect(heard.join(' ')).toBe(
      Array.from('0123456789*#ABCD')
        .map((digit) => `${digit}100`)
        .join(' '),
    );
  });
});
