import type { EventData, EventType } from './events.ts';
import { topics } from './topics.ts';

/** Life-cycle types that are published on the topics of the numbers involved as well. */
const ON_NUMBERS: ReadonlySet<string> = new Set(['call.initiated', 'call.answered', 'call.ended', 'call.refused']);
const E164 = /^\+[0-9]{3,15}$/;

/**
 * The table of types and topics: every topic an event of this type is published on, the same event id on each.
 * The first topic is the event's own; a call's event order is defined on its `calls.<CallSid>` topics.
 */
export function topicsOf<T extends EventType>(type: T, data: EventData<T>): string[] {
  const event = type.slice(type.indexOf('.') + 1);
  const facts = data as Record<string, unknown>;
  if (type.startsWith('client.')) return [topics.client(String(facts['identity']), event)];
  if (type.startsWith('phone.')) return [topics.phone(String(facts['address']), event)];
  if (type.startsWith('link.')) return [topics.link(String(facts['linkSid']), event)];
  if (type.startsWith('webhook.')) return [topics.webhook(String(facts['webhookSid']), event)];
  if (type.startsWith('trunk.')) return [topics.trunk(String(facts['trunkSid']), event)];
  if (type.startsWith('presence.')) return [topics.presence(String(facts['topic']), event)];
  if (type.startsWith('conference.')) return [topics.conference(String(facts['conferenceSid']), event)];
  if (type.startsWith('recording.')) {
    const [recordingSid, callSid] = [String(facts['recordingSid']), String(facts['callSid'])];
    return [topics.recording(recordingSid, event), topics.call(callSid, `recording-${event}`)];
  }
  if (type.startsWith('transcription.')) return [topics.call(String(facts['callSid']), `transcription-${event}`)];
  if (type.startsWith('stream.')) return [topics.stream(String(facts['streamSid']), event)];
  if (type.startsWith('queue.')) return [topics.queue(String(facts['queueSid']), event)];
  if (type.startsWith('guard.')) return [topics.guard(event)];
  if (type.startsWith('node.')) return [topics.cluster(String(facts['node']), event)];
  const list = [topics.call(String(facts['callSid']), event)];
  if (ON_NUMBERS.has(type)) {
    for (const number of new Set([facts['from'], facts['to']])) {
      if (typeof number === 'string' && E164.test(number)) list.push(topics.number(number, event));
    }
  }
  return list;
}
