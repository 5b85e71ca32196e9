import { ATTRIBUTE_CODES, KNOWN_ELEMENTS, OUT_ELEMENTS } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { CALL, CallWorld, settle } from '../testing/call-world.fake.ts';
import { expectGapless } from '../testing/gapless.fake.ts';
import { GroupWorld } from '../testing/group-world.fake.ts';
import { ADDRESSES, corpus, documentWith } from './corpus.fake.ts';
import { programFromTwiml } from './document.ts';

const all = corpus();

function read(document: string) {
  const result = programFromTwiml(document, 'http://app.test/voice');
  if (!result.ok) throw new Error(`${result.message}: ${document}`);
  return result;
}

/** Runs a document, with nobody at the far end of what it dials, and hangs up after a while. */
async function run(document: string): Promise<CallWorld> {
  const group = /<(?:Conference|Queue|Enqueue)\b/.test(document) ? new GroupWorld() : undefined;
  const world = group?.node().world ?? new CallWorld();
  const quiet = (): Promise<void> => group?.settle() ?? settle();
  for (const address of [...ADDRESSES, '/next']) world.twiml('<Hangup/>', new URL(address, 'http://app.test/').href);
  await world.respond({ body: document, contentType: 'text/xml' }).call();
  await quiet();
  world.clock.advance(60_000);
  await quiet();
  for (const { streamSid } of [...world.legs.streams.values()].map(({ order }) => order)) {
    world.legs.streamEnds(streamSid, { by: 'call' });
  }
  for (const { listener } of world.legs.transcriptions.values()) listener.ended();
  if (world.router.activeCalls().length > 0) world.legs.remoteEnd(CALL, 'hangup-caller');
  await quiet();
  return world;
}

const codesOf = (world: CallWorld): unknown[] =>
  world.events.filter(({ type }) => type === 'call.warning').map(({ data }) => (data as { code: number }).code);

/** Warnings that a value leads to for another reason than that it is bad: it cannot be reached from here. */
const EXPECTED: Readonly<Record<string, number>> = { 'Dial.callerId': 13_214 };

describe('CR-1 documents made by the official helper library', () => {
  it('cover every attribute of every element: two values or the only one there is, and a bad one where there is one', () => {
    const covered = new Set(all.map(({ element, attribute }) => `${element}.${attribute}`));
    const known = KNOWN_ELEMENTS.filter(({ name }) => documentWith(name, {}) !== undefined).flatMap(
      ({ name, attributes }) => Object.keys(attributes.shape).map((attribute) => `${name}.${attribute}`),
    );
    expect(known.filter((each) => !covered.has(each))).toEqual([]);
    const single = known.filter(
      (each) => all.filter((one) => `${one.element}.${one.attribute}` === each && one.good).length < 2,
    );
    expect(single).toEqual(['Stream.audioFormat', 'Stream.sampleRate']);
    expect(all.length).toBeGreaterThan(480);
  });

  it('values that are taken: read without a problem, and run without a warning', async () => {
    for (const { element, attribute, document, good } of all) {
      if (!good) continue;
      const { problems } = read(document);
      expect(problems, document).toEqual([]);
      const world = await run(document);
      const expected = EXPECTED[`${element}.${attribute}`];
      expect(
        codesOf(world).filter((code) => code !== expected),
        document,
      ).toEqual([]);
      expect(
        world.logs.filter(({ level }) => level === 'error'),
        document,
      ).toEqual([]);
      expect(world.router.activeCalls(), document).toEqual([]);
      expect(world.clock.pendingTimers, document).toBe(0);
      expectGapless(world);
    }
  });

  it('a bad value: one warning with its code, which names the attribute, and the default in its place', async () => {
    for (const { element, attribute, document, good } of all) {
      if (good) continue;
      const { problems, program } = read(document);
      const code = ATTRIBUTE_CODES[`${element}.${attribute}`] ?? 12_200;
      expect(problems.slice(0, 1), document.slice(0, 200)).toMatchObject([
        { code, message: expect.stringContaining(attribute) as unknown },
      ]);
      const plain = documentWith(element, {}) ?? '';
      // A stream has to have one.
      const isNeeded = element === 'Stream' && attribute === 'url';
      expect(problems).toHaveLength(isNeeded ? 2 : 1);
      if (!isNeeded) expect(program.verbs, document.slice(0, 200)).toEqual(read(plain).program.verbs);
      expect(codesOf(await run(document)), document.slice(0, 200)).toContain(code);
    }
  });

  it.each(Object.entries(OUT_ELEMENTS).flatMap(([inside, names]) => names.map((name) => [inside, name] as const)))(
    'in %s, %s is out: skipped with its code, and the call goes on',
    async (inside, name) => {
      const element = `<${name} connectorName="x">a</${name}>`;
      const document = inside === 'Response' ? element : `<${inside}>${element}</${inside}>`;
      const world = await run(`<Response>${document}<Pause length="1"/></Response>`);
      expect(codesOf(world)[0]).toBe(inside === 'Dial' ? 13_215 : 12_200);
      expect(world.story().join('\n')).toContain('verb-started Pause');
    },
  );
});
