// Checks the layers with dependency-cruiser and fails when it saw no modules (a wrong TypeScript
// version makes it silently skip every .ts file).
import { spawnSync } from 'node:child_process';

const run = spawnSync(
  'npx',
  ['depcruise', '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'],
  { encoding: 'utf8', maxBuffer: 1 << 28 },
);
if (run.error || !run.stdout) {
  console.error(run.stderr || run.error);
  process.exit(1);
}
const { summary, modules } = JSON.parse(run.stdout);
const own = modules.filter((module) => /^src\/.*\.tsx?$/.test(module.source));
for (const { rule, from, to } of summary.violations)
  console.error(`${rule.name}: ${from} -> ${to}`);
if (own.length === 0) {
  console.error('dependency-cruiser saw no modules: is TypeScript < 7 installed?');
  process.exit(1);
}
console.log(`layers: ${own.length} modules, ${summary.violations.length} violations`);
process.exit(summary.violations.length > 0 ? 1 : 0);
