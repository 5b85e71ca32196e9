import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from './document.fastify.ts';
import { OPERATIONS, operationIdsOf } from './testing/legacy-operations.ts';
import { DRIVES } from './testing/operation-drives.ts';
import { OperationWorld } from './testing/operation-world.ts';
import { SIP_DRIVES } from './testing/sip-drives.ts';

const api = JSON.parse(await openApiDocument()) as {
  paths: Record<string, Record<string, { operationId?: string } | undefined>>;
};
const there = new Set(
  Object.values(api.paths).flatMap((item) => Object.values(item).flatMap((each) => each?.operationId ?? [])),
);
/** What docs/compatibility.md says is there. */
const supported = Object.values(OPERATIONS)
  .flat()
  .filter((name) => operationIdsOf(name).some((id) => there.has(id)));
const drives = { ...DRIVES, ...SIP_DRIVES };

describe('CR-4 every operation of the matrix, by the official helper library', () => {
  let world: OperationWorld;
  beforeAll(async () => {
    world = await OperationWorld.open();
  });
  afterAll(() => world.close());

  it('has a test, and no test is of an operation that is not there', () => {
    expect(supported.length).toBeGreaterThan(120);
    expect(Object.keys(drives).sort()).toEqual([...supported].sort());
  });

  it.each(supported)('%s', async (name) => {
    const { driven } = world.rest;
    driven.clear();
    world.rest.tick();
    await drives[name]?.(world.client, world);
    expect(operationIdsOf(name).filter((id) => driven.has(id))).toHaveLength(1);
  });
});
