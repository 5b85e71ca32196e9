import type { ApplicationView } from '../cluster/call-requests/index.ts';

/** Characters of a name at most: calls whose instructions begin alike are taken to be alike. */
const MAX_NAME = 300;

/**
 * Which calls do the same: those of an application, of a URL (whatever its query), or of instructions with the same elements in the
 * same order. Instructions that are known say whether they dial.
 */
export const applicationView: ApplicationView = {
  nameOf: ({ accountSid, order }) => {
    const { application, document } = (order ?? {}) as PartOfOrder;
    if (typeof document === 'string') return named(accountSid, `twiml ${elementsOf(document)}`);
    if (typeof application?.applicationSid === 'string') return named(accountSid, application.applicationSid);
    const url = application?.voice?.url;
    return named(accountSid, typeof url === 'string' ? (url.split('?', 1)[0] ?? '') : '');
  },
  guessLegs: (name) => (/ twiml .*\bDial\b/.test(name) ? 2 : 1),
};

/** An order is checked where the call is placed. */
interface PartOfOrder {
  readonly application?: { readonly applicationSid?: unknown; readonly voice?: { readonly url?: unknown } };
  readonly document?: unknown;
}

function named(accountSid: string, what: string): string {
  return `${accountSid} ${what}`.slice(0, MAX_NAME);
}

function elementsOf(document: string): string {
  return (document.match(/<[A-Z][A-Za-z]*/g) ?? []).map((tag) => tag.slice(1)).join(' ');
}
