import type { RestApp, RestServices } from '../services.ts';
import { accountRoutes } from './accounts.ts';
import { applicationRoutes } from './applications.ts';
import { availablePhoneNumberRoutes } from './available-phone-numbers.ts';
import { balanceRoutes } from './balance.ts';
import { bridgeRequestRoutes } from './bridge-requests.ts';
import { callAnnouncementRoutes } from './call-announcements.ts';
import { callDetailRoutes } from './call-details.ts';
import { callLogRoutes } from './call-logs.ts';
import { callRecordingRoutes } from './call-recordings.ts';
import { callStreamRoutes } from './call-streams.ts';
import { callTranscriptionRoutes } from './call-transcriptions.ts';
import { callRoutes } from './calls.ts';
import { clientRoutes } from './clients.ts';
import { CLUSTER_ROUTES } from './cluster/index.ts';
import { conferenceRecordingRoutes } from './conference-recordings.ts';
import { conferenceRoutes } from './conferences.ts';
import { delegateRoutes } from './delegates.ts';
import { eventRoutes } from './events.ts';
import { incomingPhoneNumberRoutes } from './incoming-phone-numbers.ts';
import { keyRoutes } from './keys.ts';
import { guardRoutes } from './guards.ts';
import { limitRoutes } from './limits.ts';
import { natsRoutes } from './nats.ts';
import { networkTokenRoutes } from './network-tokens.ts';
import { outgoingCallerIdRoutes } from './outgoing-caller-ids.ts';
import { participantRoutes } from './participants.ts';
import { presenceRoutes } from './presence.ts';
import { publicKeyRoutes } from './public-keys.ts';
import { queueRoutes } from './queues.ts';
import { recordingRoutes } from './recordings.ts';
import { resourceVersionRoutes } from './resource-versions.ts';
import { revocationRoutes } from './revocations.ts';
import { sessionStateRoutes } from './session-state.ts';
import {
  credentialListRoutes,
  credentialRoutes,
  domainMappingRoutes,
  ipAddressRoutes,
  ipListRoutes,
  legacySipDomainRoutes,
} from './sip/index.ts';
import { sipDomainRoutes } from './sip-domains.ts';
import { tokenRoutes } from './tokens.ts';
import { transcriptionRoutes } from './transcriptions.ts';
import { trunkRoutes } from './trunks.ts';
import { usageTriggerRoutes } from './usage-triggers.ts';
import { usageRoutes } from './usage.ts';
import { userDefinedMessageRoutes } from './user-defined-messages.ts';
import { webhookRoutes } from './webhooks.ts';

type Routes = (app: RestApp, services: RestServices) => void;

/** Resources of the 2010-04-01 API. */
export const LEGACY_ROUTES: readonly Routes[] = [
  accountRoutes,
  keyRoutes,
  applicationRoutes,
  incomingPhoneNumberRoutes,
  callRoutes,
  callLogRoutes,
  usageRoutes,
  usageTriggerRoutes,
  outgoingCallerIdRoutes,
  conferenceRoutes,
  conferenceRecordingRoutes,
  participantRoutes,
  queueRoutes,
  recordingRoutes,
  callRecordingRoutes,
  callStreamRoutes,
  callTranscriptionRoutes,
  transcriptionRoutes,
  userDefinedMessageRoutes,
  availablePhoneNumberRoutes,
  networkTokenRoutes,
  balanceRoutes,
  legacySipDomainRoutes,
  domainMappingRoutes,
  credentialListRoutes,
  credentialRoutes,
  ipListRoutes,
  ipAddressRoutes,
];

/** Resources of /v1. */
export const V1_ROUTES: readonly Routes[] = [
  callDetailRoutes,
  bridgeRequestRoutes,
  callAnnouncementRoutes,
  resourceVersionRoutes,
  trunkRoutes,
  sipDomainRoutes,
  tokenRoutes,
  publicKeyRoutes,
  revocationRoutes,
  eventRoutes,
  presenceRoutes,
  clientRoutes,
  guardRoutes,
  limitRoutes,
  natsRoutes,
  webhookRoutes,
  sessionStateRoutes,
  delegateRoutes,
];

/** Resources of /v1 that are the operator's. */
export const OPERATOR_ROUTES: readonly Routes[] = [...CLUSTER_ROUTES];
