import tseslint from 'typescript-eslint';

const noClock = [
  { name: 'setTimeout', message: 'take a Clock (kernel/clock.ts)' },
  { name: 'setInterval', message: 'take a Clock (kernel/clock.ts)' },
];
const noGlobals = [
  { object: 'Date', property: 'now', message: 'take a Clock (kernel/clock.ts)' },
  { object: 'performance', property: 'now', message: 'take a Clock (kernel/clock.ts)' },
  { object: 'Math', property: 'random', message: 'take a Random (kernel/random.ts)' },
];
const TESTS = [
  '**/*.test.ts',
  '**/*.test.tsx',
  '**/*.conformance.ts',
  '**/*.bench.ts',
  '**/*.fake.ts',
  '**/testing/**',
];

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/**',
      '**/dist/**',
      '**/.hookswitch/**',
      '**/*.cjs',
      '**/*.mjs',
      'eslint.config.js',
      'scripts/mediasoup-worker/**',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['vitest.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'use a const object and a union' },
        { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['server/src/**/*.ts', 'shared/src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...noClock],
      'no-restricted-properties': ['error', ...noGlobals],
    },
  },
  {
    files: ['server/src/kernel/clock.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
  },
  {
    files: TESTS,
    rules: {
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['e2e/**/*.ts', 'scripts/**/*.ts', 'examples/**/*.ts'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['**/vite.config.ts', '**/vitest.config.ts', '**/playwright.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
