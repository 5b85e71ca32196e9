import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processStart } from '../kernel/index.ts';
import { readPredecessor, readRunState, removeRunState, writeRunState } from './run-state.ts';
import type { RunState } from './run-state.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'hookswitch-run-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const state = (change: Partial<RunState> = {}): RunState => ({
  pid: process.pid,
  startedAt: '2030-01-01T00:00:00.000Z',
  node: 'n1',
  dataDir,
  pageUrl: 'http://127.0.0.1:1/',
  health: 'http://127.0.0.1:1/healthz',
  gateway: { ws: 'ws://127.0.0.1:1/v1/hub', socketio: 'http://127.0.0.1:1/' },
  sip: { host: '127.0.0.1', port: 5060 },
  nats: { url: 'nats://127.0.0.1:1', subscriberUrl: 'nats://127.0.0.1:1' },
  database: { url: 'postgres://127.0.0.1:1/postgres' },
  account: 'AC1',
  numbers: [],
  children: { mediaWorkers: [] },
  ...change,
});

describe('run-state file', () => {
  it('names the process that was killed before this one, and no other', () => {
    expect(readPredecessor(dataDir)).toBeUndefined();
    writeRunState(state({ pid: 2 ** 22 + 1, node: 'n0' }));
    expect(readPredecessor(dataDir)).toBe('n0');
    writeRunState(state());
    expect(readPredecessor(dataDir)).toBeUndefined();
    removeRunState(dataDir);
    expect(readPredecessor(dataDir)).toBeUndefined();
  });

  it('is found while its server lives, by its owner only, and gone after the removal', () => {
    writeRunState(state());
    expect(readRunState(dataDir)).toMatchObject({ pid: process.pid });
    expect(statSync(join(dataDir, 'run.json')).mode & 0o777).toBe(0o600);
    removeRunState(dataDir);
    expect(readRunState(dataDir)).toBeUndefined();
  });

  it('of a process that is gone is stale', () => {
    writeRunState(state({ pid: 2 ** 30 }));
    expect(readRunState(dataDir)).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')(
    'is stale when its process id belongs to a later process, as in a container that was restarted',
    () => {
      const start = processStart(process.pid);
      expect(start).toMatch(/^\d+$/);
      writeRunState(state({ processStart: start }));
      expect(readRunState(dataDir)).toBeDefined();
      writeRunState(state({ processStart: String(Number(start) - 1000) }));
      expect(readRunState(dataDir)).toBeUndefined();
    },
  );

  it.each(['', '{"pid":', 'null'])('that holds %j counts as none', (text) => {
    writeFileSync(join(dataDir, 'run.json'), text);
    expect(readRunState(dataDir)).toBeUndefined();
  });
});
