import type { Twilio } from 'twilio';
import { sidFromHex } from '@hookswitch/shared';
import { CONFERENCE, QUEUE } from './operation-world.ts';
import type { OperationWorld } from './operation-world.ts';

type Drive = (client: Twilio, world: OperationWorld) => Promise<unknown>;
type Drives = Readonly<Record<string, Drive>>;

const URL_ = 'https://app.test/voice';
const live = (client: Twilio, { call }: OperationWorld) => client.calls(call.sid);

const ACCOUNTS: Drives = {
  CreateAccount: (client) => client.api.v2010.accounts.create({ friendlyName: 'made' }),
  ListAccount: (client) => client.api.v2010.accounts.list(),
  FetchAccount: (client) => client.api.v2010.account.fetch(),
  UpdateAccount: async (client) => {
    const { sid } = await client.api.v2010.accounts.create();
    return await client.api.v2010.accounts(sid).update({ friendlyName: 'changed' });
  },
  CreateNewKey: (client) => client.newKeys.create(),
  ListKey: (client) => client.keys.list(),
  FetchKey: async (client) => client.keys((await client.newKeys.create()).sid).fetch(),
  UpdateKey: async (client) => client.keys((await client.newKeys.create()).sid).update({ friendlyName: 'k' }),
  DeleteKey: async (client) => client.keys((await client.newKeys.create()).sid).remove(),
  CreateNewSigningKey: (client) => client.newSigningKeys.create(),
  ListSigningKey: (client) => client.signingKeys.list(),
  FetchSigningKey: async (client) => client.signingKeys((await client.newSigningKeys.create()).sid).fetch(),
  UpdateSigningKey: async (client) =>
    client.signingKeys((await client.newSigningKeys.create()).sid).update({ friendlyName: 'k' }),
  DeleteSigningKey: async (client) => client.signingKeys((await client.newSigningKeys.create()).sid).remove(),
  FetchBalance: (client) => client.balance.fetch(),
  CreateToken: (client) => client.tokens.create({ ttl: 60 }),
};

const application = async (client: Twilio) =>
  client.applications((await client.applications.create({ friendlyName: 'app', voiceUrl: URL_ })).sid);
const number = async (client: Twilio, world: OperationWorld) => {
  const phoneNumber = `+4930555${world.unused()}`;
  return client.incomingPhoneNumbers((await client.incomingPhoneNumbers.create({ phoneNumber })).sid);
};
const callerId = async (client: Twilio, world: OperationWorld) => {
  const phoneNumber = `+4940555${world.unused()}`;
  await client.validationRequests.create({ phoneNumber });
  const [made] = await client.outgoingCallerIds.list({ phoneNumber });
  return client.outgoingCallerIds(made?.sid ?? '');
};
/** With one number of every type. */
const pool = async (client: Twilio, { rest }: OperationWorld) => {
  const plain = { country: 'US', locality: null, region: null };
  const types = ['local', 'toll-free', 'mobile', 'national', 'shared-cost', 'voip', 'machine-to-machine'] as const;
  await rest.store.pool.add(types.map((type, n) => ({ number: `+1510555990${n}`, type, ...plain })));
  return client.availablePhoneNumbers('US');
};
const found = async (list: Promise<readonly unknown[]>): Promise<void> => {
  if ((await list).length === 0) throw new Error('the list is empty');
};

/** A number of the operator's that an account takes by its type. */
const numberOf = async (client: Twilio, world: OperationWorld, type: 'local' | 'mobile' | 'tollFree') => {
  const phoneNumber = `+4940556${world.unused()}`;
  const plain = { country: 'DE', locality: null, region: null };
  await world.rest.store.pool.add([{ number: phoneNumber, type: type === 'tollFree' ? 'toll-free' : type, ...plain }]);
  return client.incomingPhoneNumbers[type].create({ phoneNumber });
};

const NUMBERS: Drives = {
  CreateApplication: application,
  ListApplication: (client) => client.applications.list(),
  FetchApplication: async (client) => (await application(client)).fetch(),
  UpdateApplication: async (client) => (await application(client)).update({ voiceMethod: 'GET' }),
  DeleteApplication: async (client) => (await application(client)).remove(),
  CreateIncomingPhoneNumber: number,
  ListIncomingPhoneNumber: (client) => client.incomingPhoneNumbers.list(),
  FetchIncomingPhoneNumber: async (client, world) => (await number(client, world)).fetch(),
  UpdateIncomingPhoneNumber: async (client, world) => (await number(client, world)).update({ voiceUrl: URL_ }),
  DeleteIncomingPhoneNumber: async (client, world) => (await number(client, world)).remove(),
  CreateIncomingPhoneNumberLocal: async (client, world) => numberOf(client, world, 'local'),
  ListIncomingPhoneNumberLocal: async (client, world) => {
    await numberOf(client, world, 'local');
    await found(client.incomingPhoneNumbers.local.list());
  },
  CreateIncomingPhoneNumberMobile: async (client, world) => numberOf(client, world, 'mobile'),
  ListIncomingPhoneNumberMobile: async (client, world) => {
    await numberOf(client, world, 'mobile');
    await found(client.incomingPhoneNumbers.mobile.list());
  },
  CreateIncomingPhoneNumberTollFree: async (client, world) => numberOf(client, world, 'tollFree'),
  ListIncomingPhoneNumberTollFree: async (client, world) => {
    await numberOf(client, world, 'tollFree');
    await found(client.incomingPhoneNumbers.tollFree.list());
  },
  ListAvailablePhoneNumberCountry: async (client, world) => {
    await pool(client, world);
    await found(client.availablePhoneNumbers.list());
  },
  FetchAvailablePhoneNumberCountry: async (client, world) => (await pool(client, world)).fetch(),
  ListAvailablePhoneNumberLocal: async (client, world) => found((await pool(client, world)).local.list()),
  ListAvailablePhoneNumberTollFree: async (client, world) => found((await pool(client, world)).tollFree.list()),
  ListAvailablePhoneNumberMobile: async (client, world) => found((await pool(client, world)).mobile.list()),
  ListAvailablePhoneNumberNational: async (client, world) => found((await pool(client, world)).national.list()),
  ListAvailablePhoneNumberSharedCost: async (client, world) => found((await pool(client, world)).sharedCost.list()),
  ListAvailablePhoneNumberVoip: async (client, world) => found((await pool(client, world)).voip.list()),
  ListAvailablePhoneNumberMachineToMachine: async (client, world) =>
    found((await pool(client, world)).machineToMachine.list()),
  CreateValidationRequest: callerId,
  ListOutgoingCallerId: (client) => client.outgoingCallerIds.list(),
  FetchOutgoingCallerId: async (client, world) => (await callerId(client, world)).fetch(),
  UpdateOutgoingCallerId: async (client, world) => (await callerId(client, world)).update({ friendlyName: 'desk' }),
  DeleteOutgoingCallerId: async (client, world) => (await callerId(client, world)).remove(),
};

const place = (client: Twilio) => client.calls.create({ to: 'client:alice', from: 'client:bob', twiml: '<Response/>' });
const recording = (world: OperationWorld): void => {
  const facts = { channels: 'mono', track: 'both', source: 'StartCallRecordingAPI', startedAt: 0 } as const;
  const recordingSid = sidFromHex('recording', '1'.repeat(32));
  world.rest.callControl.reply = { ok: true, recording: { recordingSid, ...facts } };
};
const stream = (world: OperationWorld): void => {
  world.rest.callControl.reply = { ok: true, stream: { streamSid: sidFromHex('stream', '1'.repeat(32)), name: 's' } };
};
const transcription = (world: OperationWorld): void => {
  const facts = { transcriptionSid: `GT${'1'.repeat(32)}`, name: 't' };
  world.rest.callControl.reply = { ok: true, transcription: facts };
};
const messages = (world: OperationWorld): void => {
  world.rest.calls.reply = ({ kind }) => ({
    ok: true,
    sid: sidFromHex(kind === 'send' ? 'callMessage' : 'messageSubscription', '1'.repeat(32)),
    at: 0,
  });
};
const warned = async (world: OperationWorld): Promise<void> => {
  await world.apply(world.call.next('call.warning', { code: 13_214, message: 'not so' }));
};

const CALLS: Drives = {
  CreateCall: place,
  ListCall: (client) => found(client.calls.list()),
  FetchCall: (client, world) => live(client, world).fetch(),
  UpdateCall: (client, world) => {
    world.rest.callControl.reply = { ok: true };
    return live(client, world).update({ url: URL_ });
  },
  DeleteCall: async (client, world) => {
    const over = world.callEvents('over');
    await world.apply(...over.life());
    return await client.calls(over.sid).remove();
  },
  ListCallEvent: (client, world) => live(client, world).events.list(),
  ListCallNotification: async (client, world) => {
    await warned(world);
    await found(live(client, world).notifications.list());
  },
  FetchCallNotification: async (client, world) => {
    await warned(world);
    const [first] = await live(client, world).notifications.list();
    return await live(client, world)
      .notifications(first?.sid ?? '')
      .fetch();
  },
  ListNotification: (client) => client.api.v2010.account.notifications.list(),
  FetchNotification: async (client, world) => {
    await warned(world);
    const [first] = await client.api.v2010.account.notifications.list();
    return await client.api.v2010.account.notifications(first?.sid ?? '').fetch();
  },
  CreateCallRecording: (client, world) => {
    recording(world);
    return live(client, world).recordings.create();
  },
  ListCallRecording: (client, world) => live(client, world).recordings.list(),
  FetchCallRecording: async (client, world) =>
    live(client, world)
      .recordings(await world.recorded())
      .fetch(),
  UpdateCallRecording: (client, world) => {
    recording(world);
    return live(client, world).recordings('Twilio.CURRENT').update({ status: 'paused' });
  },
  DeleteCallRecording: async (client, world) =>
    live(client, world)
      .recordings(await world.recorded())
      .remove(),
  CreateStream: (client, world) => {
    stream(world);
    return live(client, world).streams.create({ url: 'wss://app.test/audio' });
  },
  UpdateStream: (client, world) => {
    stream(world);
    return live(client, world).streams('s').update({ status: 'stopped' });
  },
  CreateRealtimeTranscription: (client, world) => {
    transcription(world);
    return live(client, world).transcriptions.create({ name: 't', hints: 'one, two', partialResults: true });
  },
  UpdateRealtimeTranscription: (client, world) => {
    transcription(world);
    return live(client, world).transcriptions('t').update({ status: 'stopped' });
  },
  CreateUserDefinedMessage: (client, world) => {
    messages(world);
    return live(client, world).userDefinedMessages.create({ content: '{"a":1}' });
  },
  CreateUserDefinedMessageSubscription: (client, world) => {
    messages(world);
    return live(client, world).userDefinedMessageSubscriptions.create({ callback: URL_ });
  },
  DeleteUserDefinedMessageSubscription: async (client, world) => {
    messages(world);
    const { sid } = await live(client, world).userDefinedMessageSubscriptions.create({ callback: URL_ });
    return await live(client, world).userDefinedMessageSubscriptions(sid).remove();
  },
};

const conference = (client: Twilio, world: OperationWorld) => {
  const state = { muted: false, hold: false, coaching: false, joinedAt: 0 };
  const party = { ...state, callSid: world.call.sid, startConferenceOnEnter: true, endConferenceOnExit: false };
  world.rest.conferences.reply = {
    ok: true,
    conference: {
      conferenceSid: CONFERENCE,
      friendlyName: 'standup',
      status: 'in-progress',
      createdAt: 0,
      participants: [party],
    },
  };
  return client.conferences(CONFERENCE);
};
const queue = (client: Twilio, { rest, call }: OperationWorld) => {
  const members = [{ callSid: call.sid, position: 1, enqueuedAt: 0, waitSeconds: 9 }];
  const sizes = { maxSize: 100, currentSize: 1, averageWaitSeconds: 1, createdAt: 0 };
  const one = { queueSid: QUEUE, friendlyName: 'support', ...sizes, members };
  rest.queues.reply = (request) => (request.do === 'list' ? { ok: true, queues: [one] } : { ok: true, queue: one });
  return client.queues(QUEUE);
};
const ofConference = { ofConference: true };

const GROUPS: Drives = {
  ListConference: (client) => found(client.conferences.list()),
  FetchConference: (client, world) => conference(client, world).fetch(),
  UpdateConference: (client, world) => conference(client, world).update({ announceUrl: URL_ }),
  CreateParticipant: (client, world) =>
    conference(client, world).participants.create({ from: 'client:bob', to: 'client:alice' }),
  ListParticipant: (client, world) => found(conference(client, world).participants.list()),
  FetchParticipant: (client, world) => conference(client, world).participants('host').fetch(),
  UpdateParticipant: (client, world) => conference(client, world).participants(world.call.sid).update({ muted: false }),
  DeleteParticipant: (client, world) => conference(client, world).participants(world.call.sid).remove(),
  ListConferenceRecording: (client, world) => conference(client, world).recordings.list(),
  FetchConferenceRecording: async (client, world) =>
    conference(client, world)
      .recordings(await world.recorded(ofConference))
      .fetch(),
  UpdateConferenceRecording: async (client, world) =>
    conference(client, world)
      .recordings(await world.recorded(ofConference))
      .update({ status: 'stopped' }),
  DeleteConferenceRecording: async (client, world) =>
    conference(client, world)
      .recordings(await world.recorded(ofConference))
      .remove(),
  CreateQueue: (client, world) => {
    queue(client, world);
    return client.queues.create({ friendlyName: 'support' });
  },
  ListQueue: (client, world) => {
    queue(client, world);
    return found(client.queues.list());
  },
  FetchQueue: (client, world) => queue(client, world).fetch(),
  UpdateQueue: (client, world) => queue(client, world).update({ maxSize: 5 }),
  DeleteQueue: (client, world) => queue(client, world).remove(),
  ListMember: (client, world) => found(queue(client, world).members.list()),
  FetchMember: (client, world) => queue(client, world).members('Front').fetch(),
  UpdateMember: (client, world) => queue(client, world).members('Front').update({ url: URL_ }),
};

const RECORDINGS: Drives = {
  ListRecording: (client) => client.recordings.list(),
  FetchRecording: async (client, world) => client.recordings(await world.recorded()).fetch(),
  DeleteRecording: async (client, world) => client.recordings(await world.recorded()).remove(),
  ListRecordingTranscription: async (client, world) =>
    found(client.recordings((await world.transcribed()).recordingSid).transcriptions.list()),
  ListTranscription: (client) => client.transcriptions.list(),
  FetchTranscription: async (client, world) =>
    client.transcriptions((await world.transcribed()).transcriptionSid).fetch(),
  DeleteTranscription: async (client, world) =>
    client.transcriptions((await world.transcribed()).transcriptionSid).remove(),
};

const trigger = async (client: Twilio) => {
  const wish = { callbackUrl: URL_, triggerValue: '+10', usageCategory: 'calls' as const };
  return client.usage.triggers((await client.usage.triggers.create(wish)).sid);
};
const USAGE: Drives = {
  ListUsageRecord: (client) => client.usage.records.list(),
  ListUsageRecordDaily: (client) => client.usage.records.daily.list({ limit: 5 }),
  ListUsageRecordMonthly: (client) => client.usage.records.monthly.list({ limit: 5 }),
  ListUsageRecordYearly: (client) => client.usage.records.yearly.list({ limit: 5 }),
  ListUsageRecordAllTime: (client) => client.usage.records.allTime.list(),
  ListUsageRecordToday: (client) => client.usage.records.today.list(),
  ListUsageRecordYesterday: (client) => client.usage.records.yesterday.list(),
  ListUsageRecordThisMonth: (client) => client.usage.records.thisMonth.list(),
  ListUsageRecordLastMonth: (client) => client.usage.records.lastMonth.list(),
  CreateUsageTrigger: trigger,
  ListUsageTrigger: (client) => client.usage.triggers.list(),
  FetchUsageTrigger: async (client) => (await trigger(client)).fetch(),
  UpdateUsageTrigger: async (client) => (await trigger(client)).update({ friendlyName: 'much' }),
  DeleteUsageTrigger: async (client) => (await trigger(client)).remove(),
};

/** How the official helper library asks for each operation, under the names that the API's own description gives them. */
export const DRIVES: Drives = { ...ACCOUNTS, ...NUMBERS, ...CALLS, ...GROUPS, ...RECORDINGS, ...USAGE };
