import { z } from 'zod';
import { format } from 'prettier';
import { instructionsSchema } from '../../shared/src/index.ts';

/** JSON Schema of instruction documents, from the schema that describes them. */
export async function instructionsDocument(): Promise<string> {
  const schema = z.toJSONSchema(instructionsSchema, { target: 'draft-2020-12', reused: 'ref', io: 'input' });
  return await format(JSON.stringify(schema), { parser: 'json', printWidth: 120 });
}
