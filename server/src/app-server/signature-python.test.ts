import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { outgoingRequest } from './application-request.ts';
import { requestSignature } from './signature.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
/** Debian's own, for which its packages are; another one may come first in the PATH. */
const PYTHON = '/usr/bin/python3';

/** The validator of the official Python library (Debian package python3-twilio), as a second opinion. */
const SCRIPT = `
import json, sys
from twilio.request_validator import RequestValidator
cases = json.loads(sys.argv[1])
validator = RequestValidator('${TOKEN}')
print(json.dumps([validator.validate(c['url'], c['params'], c['signature']) for c in cases]))
`;

async function validate(cases: readonly object[]): Promise<boolean[]> {
  const { stdout } = await promisify(execFile)(PYTHON, ['-c', SCRIPT, JSON.stringify(cases)]);
  return JSON.parse(stdout) as boolean[];
}

it('CR-2 signatures of forms, GET and JSON are accepted by the official Python validator', async () => {
  const forms = [
    ['https://app.example.com/voice', { CallSid: 'CA1', From: '+15550177', To: 'client:alice' }],
    ['https://app.example.com/voice?tenant=7&x=a%20b', { b: '2', a: '1', A: 'upper', Ä: 'umlaut ß €', Empty: '' }],
    ['http://127.0.0.1:8080/', { Spaces: 'a b  c', Ampersand: 'a&b=c' }],
  ] as const;
  const signed = forms.map(([url, params]) => ({ url, params, signature: requestSignature(TOKEN, url, params) }));
  const facts = {
    url: new URL('https://user:secret@app.example.com/voice?x=1#rc=3'),
    params: { From: '+15550177', Text: 'a b' },
    authToken: TOKEN,
    idempotencyToken: 'i',
    cookies: undefined,
    credentials: 'user:secret',
  };
  const get = outgoingRequest({ ...facts, method: 'GET' });
  const json = outgoingRequest({ ...facts, method: 'POST', format: 'json' });
  const others = [
    { url: get.url, params: {}, signature: get.headers['x-twilio-signature'] },
    // For a JSON body the library takes the body itself and looks at its digest in the URL.
    { url: json.url, params: json.body, signature: json.headers['x-twilio-signature'] },
  ];
  const wrong = [
    { ...signed[0], params: { ...signed[0]!.params, more: 'x' } },
    { ...others[1], params: '{}' },
  ];
  expect(await validate([...signed, ...others, ...wrong])).toEqual([true, true, true, true, true, false, false]);
}, 30_000);
