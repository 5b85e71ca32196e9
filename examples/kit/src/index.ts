// What the examples share: where Hookswitch is and who asks, webhooks whose signature is checked, a number that leads to
// the example. Your own application has this in its own way; each example is the rest.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Express, RequestHandler } from 'express';
import twilio from 'twilio';

/** Parameters of a request: those of its form, then those of its address. */
export type Params = Readonly<Partial<Record<string, string>>>;
/** Writes the instructions for a call; none is an empty document. */
export type Answer = (
  twiml: InstanceType<typeof twilio.twiml.VoiceResponse>,
  params: Params,
) => void | Promise<unknown>;

export interface Hookswitch {
  /** The official helper library, unmodified but for its base URL. */
  readonly client: twilio.Twilio;
  /** Base URL of the server. */
  readonly url: string;
  readonly account: string;
  readonly authToken: string;
  /** Sign access tokens for browsers; empty when they were not given. */
  readonly apiKey: string;
  readonly apiSecret: string;
  /** Handlers of one address that Hookswitch asks: the signature is checked, the answer is TwiML. */
  webhook(answer: Answer): RequestHandler[];
  /**
   * Listens on 127.0.0.1 (`PORT`, else a free one) and leads calls of a number to `/voice`.
   * Ends with SIGINT or SIGTERM.
   */
  serve(app: Express, options: { readonly name: string; readonly number: string }): Promise<Served>;
}

export interface Served {
  /** Where the application is. */
  readonly url: string;
  readonly applicationSid: string;
  readonly server: Server;
}

function setting(name: string, otherwise?: string): string {
  const value = process.env[name] ?? otherwise;
  if (value !== undefined) return value;
  console.error(`${name} is not set: start with "npm run example -- NAME", or see examples/README.md.`);
  process.exit(1);
}

/** Settings are environment variables; `npm run example -- NAME` sets them. */
export function connect(): Hookswitch {
  const account = setting('HOOKSWITCH_ACCOUNT');
  const authToken = setting('HOOKSWITCH_AUTH_TOKEN');
  const url = setting('HOOKSWITCH_URL', 'http://127.0.0.1:8080');
  const client = twilio(account, authToken, { accountSid: account });
  client.api.baseUrl = url;
  return {
    client,
    url,
    account,
    authToken,
    apiKey: setting('HOOKSWITCH_API_KEY', ''),
    apiSecret: setting('HOOKSWITCH_API_SECRET', ''),
    webhook: (answer) => [express.urlencoded({ extended: false }), twilio.webhook(authToken), respond(answer)],
    serve: async (app, { name, number }) => {
      const server = app.listen(Number(setting('PORT', '0')), '127.0.0.1');
      await once(server, 'listening');
      const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const applicationSid = await leadHere(client, { name, number, voiceUrl: `${own}/voice` });
      for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
      console.log(`${name}: call ${number}; listening ${own}`);
      return { url: own, applicationSid, server };
    },
  };
}

const SHOWN = /^(From|Digits|CallStatus|Dial.*Status|Queue.*|AvgQueueTime|Recording(Sid|Status|Duration)|.*Event)$/;

function respond(answer: Answer): RequestHandler {
  return async (request, response) => {
    const params = { ...request.query, ...(request.body as object) } as Params;
    const shown = Object.entries(params).filter(([name]) => SHOWN.test(name));
    console.log(request.originalUrl, shown.map(([name, value = '']) => `${name}=${value}`).join(' '));
    const twiml = new twilio.twiml.VoiceResponse();
    await answer(twiml, params);
    response.type('text/xml').send(twiml.toString());
  };
}

/** The application with that name and the number, made when they are missing. Returns the application's sid. */
async function leadHere(
  client: twilio.Twilio,
  { name, number, voiceUrl }: { name: string; number: string; voiceUrl: string },
): Promise<string> {
  const [known] = await client.applications.list({ friendlyName: name, limit: 1 });
  const application =
    known === undefined
      ? await client.applications.create({ friendlyName: name, voiceUrl })
      : await client.applications(known.sid).update({ voiceUrl });
  const [declared] = await client.incomingPhoneNumbers.list({ phoneNumber: number, limit: 1 });
  const wish = { voiceApplicationSid: application.sid };
  if (declared === undefined) await client.incomingPhoneNumbers.create({ phoneNumber: number, ...wish });
  else await client.incomingPhoneNumbers(declared.sid).update(wish);
  return application.sid;
}
