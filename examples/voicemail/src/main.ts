// Rings alice; when she does not answer, the caller leaves a message. Messages are listed and fetched over HTTP.
import { Readable } from 'node:stream';
import { connect } from '@hookswitch/example-kit';
import express from 'express';

interface Message {
  readonly sid: string;
  readonly from: string;
  readonly seconds: number;
  /** Where Hookswitch has it, without the ending of the format. */
  readonly url: string;
}

const hookswitch = connect();
const app = express();
/** By sid. A real application keeps them in its database. */
const messages = new Map<string, Message>();

app.post(
  '/voice',
  hookswitch.webhook((twiml) => {
    twiml.dial({ timeout: 15, action: '/dialled' }).client('alice');
  }),
);

app.post(
  '/dialled',
  hookswitch.webhook((twiml, { DialCallStatus, From = '' }) => {
    if (DialCallStatus === 'completed') return;
    twiml.say('Speak after the tone, then press hash.');
    const recordingStatusCallback = `/stored?from=${encodeURIComponent(From)}`;
    twiml.record({ maxLength: 120, finishOnKey: '#', playBeep: true, action: '/thanks', recordingStatusCallback });
    // Reached only when nothing was said.
    twiml.say('There was no message.');
  }),
);

app.post(
  '/thanks',
  hookswitch.webhook((twiml) => {
    twiml.say('Thank you.');
  }),
);

/** Told when the recording is stored: from now on it can be fetched, by a caller who hung up too. */
app.post(
  '/stored',
  hookswitch.webhook(
    (_twiml, { RecordingSid = '', RecordingUrl = '', RecordingDuration, RecordingStatus, from = '' }) => {
      if (RecordingStatus !== 'completed') return;
      messages.set(RecordingSid, { sid: RecordingSid, from, seconds: Number(RecordingDuration), url: RecordingUrl });
      console.log(`message ${RecordingSid} from ${from}`);
    },
  ),
);

app.get('/messages', (_request, response) => {
  response.json([...messages.values()].map(({ sid, from, seconds }) => ({ sid, from, seconds })));
});

/** The audio. The account's credentials stay here: what a listener may hear is this application's to decide. */
app.get('/messages/:sid', async (request, response) => {
  const message = messages.get(request.params.sid);
  if (message === undefined) {
    response.sendStatus(404);
    return;
  }
  const credentials = Buffer.from(`${hookswitch.account}:${hookswitch.authToken}`).toString('base64');
  const audio = await fetch(`${message.url}.wav`, { headers: { authorization: `Basic ${credentials}` } });
  if (!audio.ok || audio.body === null) {
    response.sendStatus(audio.status);
    return;
  }
  response.type('audio/wav');
  Readable.fromWeb(audio.body).pipe(response);
});

/** Heard and deleted: here and in Hookswitch. */
app.delete('/messages/:sid', async (request, response) => {
  const { sid } = request.params;
  if (messages.delete(sid)) await hookswitch.client.recordings(sid).remove();
  response.sendStatus(204);
});

await hookswitch.serve(app, { name: 'example voicemail', number: '+15550143' });
