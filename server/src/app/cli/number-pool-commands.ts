import { NUMBER_TYPES } from '../../tenants/index.ts';
import type { NumberType, PoolNumber } from '../../tenants/index.ts';
import type { Command } from './command.ts';
import type { Row } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Numbers that one command shows at most. */
const MAX_SHOWN = 10_000;

const row = ({ number, country, type, locality, region }: PoolNumber): Row => ({
  number,
  country,
  type,
  locality,
  region,
});

function typeOf(text = 'local'): NumberType {
  const found = NUMBER_TYPES.find((type) => type === text);
  if (found !== undefined) return found;
  throw new UsageError('usage', `--type ${text}: expected one of ${NUMBER_TYPES.join(', ')}`);
}

function countryOf(text: string): string {
  if (/^[A-Z]{2}$/.test(text)) return text;
  throw new UsageError('usage', `--country ${text}: expected two capital letters such as US`);
}

/** `hookswitch number-pool ...`: numbers of the operator that accounts take by POST IncomingPhoneNumbers. */
export const numberPoolCommands: Readonly<Record<string, Command>> = {
  'number-pool add': {
    help: 'offers numbers that accounts may take',
    argument: '+NUMBER,...',
    options: {
      country: { value: 'US', help: 'ISO 3166-1', required: true },
      type: { value: NUMBER_TYPES.join('|'), help: 'default local' },
      locality: { value: 'TOWN', help: 'where it is' },
      region: { value: 'REGION', help: 'state or province' },
    },
    run: async (store, line) => {
      const country = countryOf(line.need('country'));
      const type = typeOf(line.get('type'));
      const [locality, region] = [line.get('locality') ?? null, line.get('region') ?? null];
      const numbers = line.argument.split(',').map((number) => number.trim());
      const wrong = numbers.find((number) => !/^\+[0-9]{3,15}$/.test(number));
      if (wrong !== undefined) throw new UsageError('usage', `'${wrong}' is no E.164 number such as +15550100`);
      const added = numbers.map((number) => ({ number, country, type, locality, region }));
      await store.pool.add(added);
      return added.map(row);
    },
  },
  'number-pool list': {
    help: 'numbers that accounts may take now',
    options: { country: { value: 'US', help: 'of this country only' } },
    run: async (store, line) => {
      const country = line.get('country');
      const query = { limit: MAX_SHOWN, country: country === undefined ? undefined : countryOf(country) };
      return (await store.pool.available(query)).map(row);
    },
  },
  'number-pool remove': {
    help: 'offers a number no longer; an account that has it keeps it',
    argument: '+NUMBER',
    options: {},
    run: async (store, line) => {
      if (await store.pool.remove(line.argument)) return `${line.argument} removed`;
      throw new UsageError('usage', `${line.argument} is not in the pool (see \`hookswitch number-pool list\`)`);
    },
  },
};
