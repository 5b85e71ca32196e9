// The documents say what is so: links lead somewhere, tables and diagrams name what the code has.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TRUNK_OPTIONS } from '../server/src/app/cli/trunk-options.ts';
import { configHelp } from '../server/src/app/config-options.ts';
import { REFUSALS } from '../server/src/bridge/trunks/refusals.ts';
import { DIGEST_ALGORITHMS } from '../server/src/sip/digest/index.ts';
import { featuresOf } from '../server/src/sip/user-agent/features.ts';
import { MAX_IMAGE_BYTES, SCREENSHOTS } from './screenshot-list.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SKIPPED = new Set(['node_modules', 'dist', '.git', '.hookswitch', 'test-results']);

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

function filesBelow(folder: string, name: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesBelow(path, name);
    return name.test(entry.name) ? [path] : [];
  });
}

const documents = filesBelow('.', /\.md$/);
const withoutCode = (text: string): string => text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

/** The anchors that a forge makes of the headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );

/** Links of a document that lead nowhere. */
function deadLinks(document: string): string[] {
  const text = withoutCode(read(document));
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
      if (!existsSync(join(ROOT, file))) return true;
      return anchor !== undefined && !anchorsOf(read(file)).includes(anchor);
    });
}

describe('links', () => {
  it.each(documents)('%s: every relative link leads to something', (document) => {
    expect(deadLinks(document)).toEqual([]);
  });

  it('the index of decisions names every decision, by its title', () => {
    const index = read('docs/adr/README.md');
    for (const file of filesBelow('docs/adr', /^\d{4}-.*\.md$/)) {
      const [, number = '', title = ''] = /^# (\d{4}): (.*)$/m.exec(read(file)) ?? [];
      expect(file, 'the number of the title is that of the file').toContain(`/${number}-`);
      expect(index).toContain(`| [${number}](${file.slice('docs/adr/'.length)}) | ${title} |`);
    }
  });
});

describe('docs/metrics.md', () => {
  /** `hookswitch_calls gauge`, sorted, from every place in the server that registers a metric. */
  function registered(): string[] {
    const sources = filesBelow('server/src', /\.ts$/).filter(
      (path) => !/\.(test|fake|conformance|bench)\.ts$/.test(path),
    );
    return sources
      .flatMap((path) => {
        const source = read(path);
        const literal = [...source.matchAll(/\bmetrics\s*\.(counter|gauge|histogram)\(\s*'([^']+)'/g)];
        const calls = [...source.matchAll(/\bmetrics\s*\.(?:counter|gauge|histogram)\(/g)];
        expect(literal.length, `${path} registers a metric whose name is no literal`).toBe(calls.length);
        return literal.map(([, kind = '', name = '']) => `${name} ${kind}`);
      })
      .sort();
  }

  it('lists exactly the metrics that the code registers, with their kinds', () => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| `(hookswitch_\w+)` \| (\w+) \|/gm)];
    const listed = rows.map(([, name = '', kind = '']) => `${name} ${kind}`).sort();
    expect(registered().length).toBeGreaterThan(5);
    expect(listed).toEqual(registered());
  });
});

describe('docs/sip.md', () => {
  const text = read('docs/sip.md');
  const rows = [...text.matchAll(/^\| ([\d, ]+) \|.*$/gm)];
  const glance = (name: string): string => new RegExp(`^\\| ${name} \\| (.*) \\|$`, 'm').exec(text)?.[1] ?? '';

  it('has a row for every RFC that the code of SIP and its media cites, and for no other', () => {
    const sources = ['sip', 'media', 'bridge'].flatMap((folder) => filesBelow(`server/src/${folder}`, /\.ts$/));
    const cited = sources.flatMap((path) => [...read(path).matchAll(/\bRFC (\d{3,4})/g)].map(([, number]) => number));
    const listed = rows.flatMap(([, numbers = '']) => numbers.split(', '));
    expect(listed.length).toBeGreaterThan(50);
    expect(new Set(listed)).toEqual(new Set(cited));
    expect(listed).toHaveLength(new Set(listed).size);
  });

  it('names files that exist', () => {
    const files = [...text.matchAll(/`((?:sip|media|bridge|trace|testing)\/[^`]+\.ts)`/g)].map(([, path = '']) => path);
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((path) => !existsSync(join(ROOT, 'server/src', path)))).toEqual([]);
  });

  it('names the methods, option tags and digest algorithms of the code', () => {
    const handlers = { authorize: () => ({ allow: false, silent: true }) as const, onInvite() {}, onReplaces() {} };
    const { allow, supported } = featuresOf({ handlers });
    const methods = glance('methods, both ways');
    for (const method of allow.split(', ')) expect(methods).toContain(`\`${method}\``);
    for (const tag of supported) expect(glance('option tags')).toContain(`\`${tag}\``);
    for (const algorithm of DIGEST_ALGORITHMS) expect(glance('digest')).toContain(algorithm);
  });
});

describe('docs/trunks.md', () => {
  const text = read('docs/trunks.md');

  it('has every option of trunks add', () => {
    const missing = Object.keys(TRUNK_OPTIONS).filter((name) => !new RegExp(`--${name}(?![a-z-])`).test(text));
    expect(missing).toEqual([]);
  });

  it('has every refusal with its status and cause', () => {
    const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \|$/gm)].map(([, ...cells]) => cells.join(' '));
    const code = Object.entries(REFUSALS).map(([kind, { status, q850 }]) => `${kind} ${status} ${q850}`);
    expect(rows.sort()).toEqual(code.sort());
  });
});

describe('README.md', () => {
  it('has every option of npm start, and no other', () => {
    const optionsIn = (text: string): string[] =>
      [...new Set([...text.matchAll(/(?<!\w)--([a-z][a-z-]+)/g)].map(([, name = '']) => name))].sort();
    const [, section = ''] = /^## Configuration$([^]*?)^## /m.exec(read('README.md')) ?? [];
    const table = section.split('\n').filter((line) => line.startsWith('| `--'));
    expect(optionsIn(table.map((line) => line.split(' | ')[0]).join('\n'))).toEqual(optionsIn(configHelp()));
  });

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const document of documents) {
      for (const [, name = ''] of read(document).matchAll(/\bnpm run ([a-z][a-z:-]*)/g)) {
        expect(Object.keys(scripts), `${document}: npm run ${name}`).toContain(name);
      }
    }
  });
});

describe('docs/images', () => {
  it('holds the pictures that the script takes, each small', () => {
    const present = filesBelow('docs/images', /./).map((path) => path.slice('docs/images/'.length));
    expect(present.sort()).toEqual(SCREENSHOTS.map(({ file }) => file).sort());
    for (const file of present) {
      expect(statSync(join(ROOT, 'docs/images', file)).size, file).toBeLessThanOrEqual(MAX_IMAGE_BYTES);
    }
  });
});

describe('docs/lifecycles.md', () => {
  /** The states in a type's declaration: members such as `name: 'calling'`, or a bare union of texts. */
  function statesInCode(file: string, from: RegExp, member: string): string[] {
    const source = read(file);
    const at = from.exec(source)?.index ?? -1;
    expect(at, `${String(from)} in ${file}`).toBeGreaterThanOrEqual(0);
    const declaration = source.slice(at, source.indexOf(';\n\n', at));
    const texts = [...declaration.matchAll(new RegExp(`\\b${member}: ((?:'[a-z-]+'(?: \\| )?)+)`, 'g'))];
    return [...new Set(texts.flatMap(([, union = '']) => union.match(/[a-z-]+/g) ?? []))].sort();
  }

  function statesInDiagram(heading: string): string[] {
    const [, section = ''] =
      new RegExp(`^## ${heading}$([^]*?)(?=^## |$(?![^]))`, 'm').exec(read('docs/lifecycles.md')) ?? [];
    const [, diagram = ''] = /^```mermaid$([^]*?)^```$/m.exec(section) ?? [];
    const arrows = [...diagram.matchAll(/^ {2}(\S+) --> ([^\s:]+)/gm)].flatMap(([, from = '', to = '']) => [from, to]);
    return [...new Set(arrows.filter((name) => name !== '[*]').map((name) => name.replaceAll('_', '-')))].sort();
  }

  const server = 'server/src';
  it.each([
    ['A call: what it is doing', `${server}/calls/machine/call-state.ts`, /export type Execution =/, 'kind'],
    ['A leg', `${server}/calls/machine/call-state.ts`, /readonly phase:/, 'phase'],
    ['Ringing the devices of a client', `${server}/bridge/client-ringing.ts`, /export type RingingState =/, 'phase'],
    ["A client's connection, at the gateway", `${server}/gateway/machine.ts`, /export type ConnectionState =/, 'name'],
    [
      "A client's connection, in the client library",
      'client/src/sdk/hub/connection-machine.ts',
      /export type ConnectionState =/,
      'phase',
    ],
    ['A call, in the client library', 'client/src/sdk/softphone/call-machine.ts', /export type CallState =/, 'status'],
    ['SIP: INVITE client transaction', `${server}/sip/transaction/invite-client.ts`, /InviteClientState =/, 'name'],
    ['SIP: INVITE server transaction', `${server}/sip/transaction/invite-server.ts`, /InviteServerState =/, 'name'],
    [
      'SIP: non-INVITE client transaction',
      `${server}/sip/transaction/non-invite-client.ts`,
      /NonInviteClientState =/,
      'name',
    ],
    [
      'SIP: non-INVITE server transaction',
      `${server}/sip/transaction/non-invite-server.ts`,
      /NonInviteServerState =/,
      'name',
    ],
    ['SIP: a 2xx on its way', `${server}/sip/dialog/retransmit-2xx.ts`, /Retransmit2xxState =/, 'name'],
    ['SIP: whose offer is open in a dialog', `${server}/sip/dialog/offer-answer.ts`, /OfferAnswerState =/, 'name'],
    ['SIP: our registration at a carrier', `${server}/sip/registration/machine.ts`, /RegistrationState =/, 'name'],
    ['The health of a gateway', `${server}/bridge/trunks/health.ts`, /HealthState =/, 'name'],
    ['The lease of a process', `${server}/cluster/membership/own-lease.ts`, /OwnLease =/, 'kind'],
    ["The hand-over of a phone's port", `${server}/media/rooms/hand-over.ts`, /HandOverState =/, 'phase'],
  ] as const)('%s: the diagram has the states of the code', (heading, file, from, member) => {
    const states = statesInCode(file, from, member);
    expect(states.length).toBeGreaterThan(3);
    expect(statesInDiagram(heading)).toEqual(states);
  });
});
