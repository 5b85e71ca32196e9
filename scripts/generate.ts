// Writes the generated files of the repository; with --check it writes nothing and fails when one is out of date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '../server/src/rest/document.fastify.ts';
import { errorsDocument } from '../shared/src/index.ts';
import { compatibilityDocument } from './generate/compatibility.ts';
import { asyncApiDocument } from './generate/asyncapi.ts';
import { instructionsDocument } from './generate/instructions.ts';
import { deviationsDocument } from './generate/deviations.ts';
import { requirementsDocument } from './generate/requirements.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A file made from others. `path` is below the root; `render` gives its whole content, the same for the same sources. */
interface Generator {
  readonly path: string;
  readonly render: () => string | Promise<string>;
}

const GENERATORS: readonly Generator[] = [
  { path: 'docs/requirements.md', render: () => requirementsDocument(ROOT) },
  { path: 'docs/spec/asyncapi.json', render: asyncApiDocument },
  { path: 'docs/spec/openapi.json', render: openApiDocument },
  { path: 'docs/spec/instructions.schema.json', render: instructionsDocument },
  { path: 'docs/compatibility.md', render: () => compatibilityDocument(ROOT) },
  { path: 'docs/errors.md', render: errorsDocument },
  { path: 'docs/deviations.md', render: () => deviationsDocument(ROOT) },
];

const check = process.argv.includes('--check');
let stale = 0;
for (const { path, render } of GENERATORS) {
  const file = join(ROOT, path);
  const wanted = await render();
  const present = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  if (present === wanted) continue;
  stale += 1;
  if (check) {
    console.error(`${path} is out of date: run "npm run generate" and commit it`);
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wanted);
    console.log(`wrote ${path}`);
  }
}
if (check && stale > 0) process.exitCode = 1;
else console.log(`generated files: ${GENERATORS.length} up to date`);
