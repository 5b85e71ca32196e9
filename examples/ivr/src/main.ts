// A telephone menu. Callers press a key; a wrong key and no key at all bring them back to it.
import { connect } from '@hookswitch/example-kit';
import express from 'express';

/** Seconds that a caller has to press a key, and how often the menu is read to one who does not. */
const PATIENCE = Number(process.env['IVR_PATIENCE'] ?? 5);
const READINGS = 3;

const hookswitch = connect();
const app = express();

app.post(
  '/voice',
  hookswitch.webhook((twiml) => {
    twiml.say('Welcome.');
    twiml.redirect('/menu');
  }),
);

app.post(
  '/menu',
  hookswitch.webhook((twiml, { reading = '1' }) => {
    const gather = twiml.gather({ numDigits: 1, timeout: PATIENCE, action: '/chosen' });
    gather.say('Press 1 for our hours, 0 for a person.');
    // What follows runs only when nothing was pressed.
    if (Number(reading) < READINGS) {
      twiml.say('Sorry?');
      twiml.redirect(`/menu?reading=${Number(reading) + 1}`);
    } else {
      twiml.say('Goodbye.');
      twiml.hangup();
    }
  }),
);

app.post(
  '/chosen',
  hookswitch.webhook((twiml, { Digits }) => {
    switch (Digits) {
      case '1':
        twiml.say('We are here from nine to five.');
        twiml.redirect('/menu');
        break;
      case '0':
        twiml.dial({ timeout: 20, action: '/talked' }).client('alice');
        break;
      default:
        twiml.say('There is no such choice.');
        twiml.redirect('/menu');
    }
  }),
);

app.post(
  '/talked',
  hookswitch.webhook((twiml, { DialCallStatus }) => {
    if (DialCallStatus === 'completed') return;
    twiml.say('Nobody is there.');
    twiml.redirect('/menu');
  }),
);

await hookswitch.serve(app, { name: 'example ivr', number: '+15550141' });
