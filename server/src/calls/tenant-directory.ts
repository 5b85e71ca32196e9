import { isActive, isBelow } from '../tenants/index.ts';
import type { Directory, DirectoryApplication } from '../tenants/ports.ts';
import type { CallApplication, CallDirectory } from './ports.ts';

/** The router's view of the mirrored configuration. */
export function callDirectory(directory: Directory): CallDirectory {
  return {
    accountActive: (accountSid) => isActive(directory, accountSid),
    number(accountSid, e164, below) {
      const number = directory.numberByE164(e164);
      if (number === undefined) return undefined;
      const isIts = number.accountSid === accountSid || (below && isBelow(directory, number.accountSid, accountSid));
      return isIts ? { accountSid: number.accountSid, applicationSid: number.applicationSid } : undefined;
    },
    application(accountSid, applicationSid) {
      const application = directory.application(applicationSid);
      return application?.accountSid === accountSid ? toCallApplication(application) : undefined;
    },
  };
}

function toCallApplication(application: DirectoryApplication): CallApplication {
  const { sid, voiceUrl, voiceMethod, voiceFallbackUrl, voiceFallbackMethod } = application;
  const { statusCallback, statusCallbackMethod } = application;
  return {
    applicationSid: sid,
    voice: { url: voiceUrl, method: voiceMethod },
    fallback: voiceFallbackUrl === undefined ? undefined : { url: voiceFallbackUrl, method: voiceFallbackMethod },
    statusCallback:
      statusCallback === undefined
        ? undefined
        : { url: statusCallback, method: statusCallbackMethod, events: ['completed'] },
  };
}
