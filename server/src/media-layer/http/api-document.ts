import { mediaUseSchema } from '@hookswitch/shared';
import { z } from 'zod';
import {
  infoSchema,
  purgeSchema,
  purgedSchema,
  recordingInfoSchema,
  resourceSchema,
  uploadedSchema,
} from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

const tags = ['Media'];
const jsonOf = (schema: z.ZodType, io: 'input' | 'output' = 'output'): Json => {
  const described = Object.entries(z.toJSONSchema(schema, { io }));
  return Object.fromEntries(described.filter(([name]) => name !== '$schema'));
};
const json = (schema: Json): Json => ({ 'application/json': { schema } });
const resource = jsonOf(resourceSchema, 'input') as { readonly properties: Readonly<Record<string, Json>> };
/** A query takes what a body takes. */
const query = Object.entries(resource.properties).map(([name, { description, ...schema }]) => ({
  ...{ name, in: 'query', schema },
  ...(description === undefined ? {} : { description }),
}));
const header = (name: string, description: string): Json => ({
  ...{ name, in: 'header', description },
  schema: { type: 'string' },
});
const inPath = (name: string, description: string): Json => ({
  ...{ name, in: 'path', required: true, description },
  schema: { type: 'string' },
});
const inQuery = (name: string): Json => ({ name, in: 'query', required: true, schema: { type: 'string' } });

/** The answer is JSON where the request accepts that first. */
const AUDIO = Object.fromEntries(
  ['audio/basic', 'audio/x-alaw', 'audio/x-s16le', 'audio/ogg'].map((type) => [type, {}]),
);
const shown = (description: string): Json => ({ description, schema: { type: 'string' } });
const audioResponses: Json = {
  200: {
    description: 'Telephone audio, while it is made. A whole one is served by ranges too.',
    headers: {
      'Content-Location': shown('path and query of its immutable address; missing: the audio is not kept'),
      ETag: shown('SHA-256 of account, content, form and converter'),
      Age: shown('of the source, seconds'),
      'Media-Info': shown(
        'of whole audio: duration (seconds), peak and rms (dB below full scale), codec, rate, source',
      ),
      'Repr-Digest': shown('of whole audio: its SHA-256 (RFC 9530)'),
      'Cache-Status': shown('hit, miss or revalidation (RFC 9211)'),
    },
    content: { ...AUDIO, ...json(jsonOf(infoSchema)) },
  },
  206: { description: 'The part of it that was asked for', content: AUDIO },
  304: { description: 'The client has it' },
};
const prefer = header('Prefer', 'respond-async (RFC 7240): it is made ahead, and answered 202 without audio');
const directives = header('Cache-Control', 'directives of a request (RFC 9111 section 5.2.1)');
const made = { ...audioResponses, 202: { description: 'It is made ahead' } };

/**
 * The media layer's part of the OpenAPI document. Its routes are also in processes without the REST API, so that they are described
 * here and not where they are served; the parameters are those that the routes check.
 */
export const MEDIA_PATHS: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  '/media/v1/resource': {
    get: {
      ...{ operationId: 'fetchMedia', tags, parameters: [...query, prefer, directives], responses: made },
      summary: 'Telephone audio of an address, a text, an upload or a recording: fetched and converted once, then kept',
    },
    post: {
      ...{ operationId: 'requestMedia', tags, parameters: [prefer, directives], responses: made },
      summary: 'The same, for texts that are too long for an address',
      requestBody: {
        content: {
          'application/json': { schema: resource },
          'application/x-www-form-urlencoded': { schema: resource },
        },
      },
    },
  },
  '/media/v1/{name}': {
    get: {
      ...{ operationId: 'fetchMediaAddress', tags, responses: audioResponses, security: [] },
      summary: 'What an immutable address names; its signature is all that it needs',
      parameters: [inPath('name', 'digest and form'), inQuery('account'), inQuery('signature')],
    },
  },
  '/media/v1/recordings/{name}': {
    get: {
      ...{ operationId: 'fetchRecordingAddress', tags, security: [] },
      summary: 'A recording as it was recorded; the signature is all that it needs',
      parameters: [inPath('name', 'sid and hash'), inQuery('account'), inQuery('signature')],
      responses: {
        200: { description: 'OK', content: { 'audio/wav': {} } },
        206: { description: 'The part of it that was asked for', content: { 'audio/wav': {} } },
        304: { description: 'The client has it' },
      },
    },
  },
  '/v1/media/recordings/{sid}': {
    get: {
      ...{ operationId: 'fetchRecordingMedia', tags },
      summary: 'The immutable address of a recording, and what is known of it',
      parameters: [inPath('sid', 'of the recording')],
      responses: { 200: { description: 'OK', content: json(jsonOf(recordingInfoSchema)) } },
    },
  },
  '/v1/media': {
    get: {
      ...{ operationId: 'fetchMediaUse', tags },
      summary: 'What the account keeps in the media layer and may keep, and what was done for it',
      responses: { 200: { description: 'OK', content: json(jsonOf(mediaUseSchema)) } },
    },
  },
  '/v1/media/purges': {
    post: {
      ...{ operationId: 'purgeMedia', tags },
      summary: 'Drop what was fetched or uploaded, and all audio that was made of it',
      requestBody: { required: true, content: json(jsonOf(purgeSchema)) },
      responses: { 200: { description: 'OK', content: json(jsonOf(purgedSchema)) } },
    },
  },
  '/v1/media/uploads/{name}': {
    put: {
      ...{ operationId: 'uploadMedia', tags },
      summary: 'Keep audio of any kind under a name; it is never evicted',
      parameters: [inPath('name', 'up to 100 letters, digits, dots, - and _')],
      requestBody: { required: true, content: { 'audio/*': {} } },
      responses: {
        201: {
          description: 'It is kept',
          headers: { 'Content-Location': shown('the immutable address') },
          content: json(jsonOf(uploadedSchema)),
        },
      },
    },
    delete: {
      ...{ operationId: 'deleteMedia', tags, responses: { 204: { description: 'Done' } } },
      summary: 'Drop an upload, and all audio that was made of it',
      parameters: [inPath('name', 'of the upload')],
    },
  },
};
