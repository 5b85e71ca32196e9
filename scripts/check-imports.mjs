// Checks the import table (dependency-cruiser.cjs) and that the tool really saw every module: a misconfigured cruise
// sees none and reports success.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const ROOTS = ['server/src', 'client/src', 'shared/src', 'e2e/src'];
const expected = ROOTS.flatMap((root) =>
  readdirSync(root, { recursive: true }).filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts')),
).length;
const cruise = spawnSync(
  process.execPath,
  [
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    '--config',
    'dependency-cruiser.cjs',
    '--output-type',
    'json',
    ...ROOTS,
  ],
  { encoding: 'utf8', maxBuffer: 512 << 20 },
);
if (cruise.stdout === '') {
  console.error(cruise.stderr);
  process.exit(1);
}
const result = JSON.parse(cruise.stdout);
const seen = result.modules.filter(
  (module) => ROOTS.some((root) => module.source.startsWith(`${root}/`)) && /\.tsx?$/.test(module.source),
).length;
for (const violation of result.summary.violations) {
  console.error(`${violation.rule.name}: ${violation.from} -> ${violation.to}`);
}
if (seen < expected) {
  console.error(`imports: only ${String(seen)} of ${String(expected)} modules were seen; the check proves nothing`);
  process.exit(1);
}
if (result.summary.violations.length > 0) {
  console.error(`imports: ${String(result.summary.violations.length)} forbidden imports`);
  process.exit(1);
}
console.log(
  `imports: ${String(seen)} modules, ${String(result.summary.totalDependenciesCruised)} dependencies, none forbidden`,
);
