// A voice agent: the call's audio comes here by WebSocket, and what the bot says goes back the same way. Put your speech
// recognizer, language model and voice in place of `EchoBot`.
import { connect } from '@hookswitch/example-kit';
import express from 'express';
import twilio from 'twilio';
import { WebSocketServer } from 'ws';
import { EchoBot } from './echo-bot.ts';
import type { StreamMessage } from './echo-bot.ts';

const hookswitch = connect();
const app = express();

app.post(
  '/voice',
  hookswitch.webhook((twiml) => {
    twiml.say('Say something.');
    const stream = twiml.connect({ action: '/done' }).stream({ url: agentUrl });
    stream.parameter({ name: 'bot', value: 'echo' });
  }),
);

/** The bot has closed its stream: the call goes on here, with a person for example. */
app.post(
  '/done',
  hookswitch.webhook((twiml) => {
    twiml.say('Goodbye.');
  }),
);

const { server, url } = await hookswitch.serve(app, { name: 'example voice agent', number: '+15550145' });
const agentUrl = `${url.replace('http', 'ws')}/agent`;

const streams = new WebSocketServer({
  server,
  path: '/agent',
  // The upgrade is signed like every other request.
  verifyClient: ({ req }: { req: { headers: NodeJS.Dict<string | string[]> } }) =>
    twilio.validateRequest(hookswitch.authToken, String(req.headers['x-twilio-signature']), agentUrl, {}),
});
streams.on('connection', (socket) => {
  const bot = new EchoBot({
    send: (message) => {
      socket.send(JSON.stringify(message));
    },
    leave: () => {
      socket.close(1000);
    },
    log: (line) => {
      console.log(line);
    },
  });
  socket.on('message', (data: Buffer) => {
    bot.hear(JSON.parse(data.toString('utf8')) as StreamMessage);
  });
  socket.on('close', () => {
    bot.close();
  });
});
