// A conference behind PINs. Participants wait with music until a moderator comes, and go when the moderator goes.
import { connect } from '@hookswitch/example-kit';
import express from 'express';

const ROOM = 'team';
const PINS: Readonly<Partial<Record<string, 'participant' | 'moderator'>>> = { 1234: 'participant', 9876: 'moderator' };
const ATTEMPTS = 3;

const hookswitch = connect();
const app = express();

app.post(
  '/voice',
  hookswitch.webhook((twiml, { attempt = '1' }) => {
    const gather = twiml.gather({ finishOnKey: '#', timeout: 10, action: `/pin?attempt=${attempt}` });
    gather.say('Your PIN, then hash.');
    twiml.hangup();
  }),
);

app.post(
  '/pin',
  hookswitch.webhook((twiml, { Digits = '', attempt = '1' }) => {
    const role = PINS[Digits];
    if (role === undefined) {
      twiml.say('That PIN is wrong.');
      if (Number(attempt) < ATTEMPTS) twiml.redirect(`/voice?attempt=${Number(attempt) + 1}`);
      else twiml.hangup();
      return;
    }
    const isModerator = role === 'moderator';
    twiml.dial({ action: '/over' }).conference(
      {
        startConferenceOnEnter: isModerator,
        endConferenceOnExit: isModerator,
        maxParticipants: 20,
        statusCallback: '/told',
        statusCallbackEvent: ['start', 'end', 'join', 'leave'],
      },
      ROOM,
    );
  }),
);

app.post(
  '/over',
  hookswitch.webhook((twiml) => {
    twiml.say('The conference is over.');
  }),
);

/** Who comes and goes, in order. */
app.post(
  '/told',
  hookswitch.webhook(() => undefined),
);

/** The conference that goes on, if one does. */
const room = async () => {
  const { conferences } = hookswitch.client;
  const [found] = await conferences.list({ friendlyName: ROOM, status: 'in-progress', limit: 1 });
  return found === undefined ? undefined : conferences(found.sid);
};

app.get('/participants', async (_request, response) => {
  const list = (await (await room())?.participants.list()) ?? [];
  response.json(list.map(({ callSid, muted, hold }) => ({ callSid, muted, hold })));
});

/** Mutes everybody but moderators: for a lecture. */
app.post('/mute', async (_request, response) => {
  const conference = await room();
  const list = (await conference?.participants.list()) ?? [];
  const others = list.filter(({ endConferenceOnExit }) => !endConferenceOnExit);
  for (const { callSid } of others) await conference?.participants(callSid).update({ muted: true });
  response.json({ muted: others.length });
});

await hookswitch.serve(app, { name: 'example conference', number: '+15550144' });
