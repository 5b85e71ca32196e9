// Click-to-call: a page asks for a call, Hookswitch rings the agent's softphone, and when the agent answers it calls the customer.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@hookswitch/example-kit';
import express from 'express';

const NUMBER = '+15550146';

const hookswitch = connect();
const app = express();
/** What became of each call: of the agent's, then of the customer's. */
const calls = new Map<string, string>();

app.get('/', async (_request, response) => {
  response.type('html').send(await readFile(join(import.meta.dirname, 'page.html'), 'utf8'));
});

/** Whoever may reach this may call: put your login here. */
app.post('/calls', express.json(), async (request, response) => {
  const { agent = '', customer = '' } = request.body as { agent?: string; customer?: string };
  if (!/^[\w/-]+$/.test(agent) || !/^\+\d{6,15}$/.test(customer)) {
    response.status(400).json({ message: 'A name and a number such as +15550123, please.' });
    return;
  }
  const call = await hookswitch.client.calls.create({
    to: `client:${agent}`,
    from: NUMBER,
    url: `${served.url}/answered?customer=${encodeURIComponent(customer)}`,
    timeout: 20,
    statusCallback: `${served.url}/agent`,
    statusCallbackEvent: ['ringing', 'answered', 'completed'],
  });
  calls.set(call.sid, 'calling the agent');
  response.status(201).json({ call: call.sid });
});

app.get('/calls/:sid', (request, response) => {
  response.json({ status: calls.get(request.params.sid) ?? 'unknown' });
});

/** Hangs up both. */
app.delete('/calls/:sid', async (request, response) => {
  await hookswitch.client.calls(request.params.sid).update({ status: 'completed' });
  response.sendStatus(204);
});

/** The agent has answered: now the customer. */
app.post(
  '/answered',
  hookswitch.webhook((twiml, { customer = '' }) => {
    const dial = twiml.dial({ callerId: NUMBER, timeout: 30, action: '/over' });
    dial.number({ statusCallback: '/customer', statusCallbackEvent: ['ringing', 'answered'] }, customer);
  }),
);

app.post(
  '/agent',
  hookswitch.webhook((_twiml, { CallSid = '', CallStatus = '' }) => {
    calls.set(CallSid, `agent: ${CallStatus}`);
  }),
);

app.post(
  '/customer',
  hookswitch.webhook((_twiml, { ParentCallSid = '', CallStatus = '' }) => {
    calls.set(ParentCallSid, `customer: ${CallStatus}`);
  }),
);

app.post(
  '/over',
  hookswitch.webhook((twiml, { DialCallStatus = '' }) => {
    if (DialCallStatus !== 'completed') twiml.say(`The customer could not be reached.`);
  }),
);

/** A customer who calls back. */
app.post(
  '/voice',
  hookswitch.webhook((twiml) => {
    twiml.dial({ timeout: 20 }).client('alice');
  }),
);

const served = await hookswitch.serve(app, { name: 'example click-to-call', number: NUMBER });
