// Callers wait in a queue and hear their place in it. Agents are softphones in browsers: an agent who calls this application gets
// the caller who has waited longest, and after that talk the next one.
import { connect } from '@hookswitch/example-kit';
import express from 'express';
import twilio from 'twilio';

const QUEUE = 'support';

const hookswitch = connect();
const app = express();

app.post(
  '/voice',
  hookswitch.webhook((twiml, { From = '' }) => {
    if (From.startsWith('client:')) {
      twiml.redirect('/agent');
      return;
    }
    twiml.say('Please wait for an agent.');
    twiml.enqueue({ waitUrl: '/wait', action: '/left' }, QUEUE);
  }),
);

/** Runs while a caller waits, and is asked for again when it is over: the place is always the present one. */
app.post(
  '/wait',
  hookswitch.webhook((twiml, { QueuePosition = '', QueueTime = '', AvgQueueTime = '' }) => {
    twiml.say(`You are number ${QueuePosition}.`);
    if (Number(QueueTime) > 30) twiml.say(`Others have waited for ${AvgQueueTime} seconds.`);
    twiml.pause({ length: 10 });
  }),
);

/** The caller is out of the queue: after the talk with an agent, or because there was no room. */
app.post(
  '/left',
  hookswitch.webhook((twiml, { QueueResult }) => {
    twiml.say(QueueResult === 'bridged' ? 'Thank you for calling.' : 'We cannot take your call now.');
  }),
);

/** An agent waits for a caller as long as it takes; * ends the talk, and the agent gets the next one. */
app.post(
  '/agent',
  hookswitch.webhook((twiml) => {
    twiml.dial({ timeout: 600, hangupOnStar: true, action: '/agent' }).queue({ url: '/found' }, QUEUE);
  }),
);

/** What the caller hears before the agent. */
app.post(
  '/found',
  hookswitch.webhook((twiml) => {
    twiml.say('An agent is here.');
  }),
);

/** How many wait, and how long on average. */
app.get('/queue', async (_request, response) => {
  const [queue] = (await hookswitch.client.queues.list()).filter(({ friendlyName }) => friendlyName === QUEUE);
  response.json({ waiting: queue?.currentSize ?? 0, averageSeconds: queue?.averageWaitTime ?? 0 });
});

/** An access token for an agent's softphone. Whoever may reach this may be an agent: put your login here. */
app.get('/token', (request, response) => {
  const { AccessToken } = twilio.jwt;
  const { identity = '' } = request.query as { identity?: string };
  const token = new AccessToken(hookswitch.account, hookswitch.apiKey, hookswitch.apiSecret, { identity, ttl: 3600 });
  token.addGrant(new AccessToken.VoiceGrant({ incomingAllow: true, outgoingApplicationSid: served.applicationSid }));
  response.type('text/plain').send(token.toJwt());
});

const served = await hookswitch.serve(app, { name: 'example call queue', number: '+15550142' });
