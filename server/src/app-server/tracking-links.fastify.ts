import type { FastifyPluginCallback } from 'fastify';
import { describeError } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import type { TrackingLinks } from './session-state/index.ts';

const COOKIE = 'hookswitch_web_session';

/** `/l/<opaque>`: leads a visitor on to where the link says. The web session is a cookie of this server. */
export function trackingLinkVisits(parts: { readonly links: TrackingLinks; readonly log: Log }): FastifyPluginCallback {
  const { links, log } = parts;
  return (app, _options, done) => {
    app.get<{ Params: { opaque: string } }>('/l/:opaque', { exposeHeadRoute: false }, async (request, reply) => {
      void reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer');
      const known = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{32})(?:;|$)`).exec(request.headers.cookie ?? '')?.[1];
      try {
        const visit = await links.visit(request.params.opaque, known);
        if (visit === undefined) return await reply.code(404).type('text/plain').send('This link is not known.\n');
        const secure = request.protocol === 'https' ? '; Secure' : '';
        const cookie = `${COOKIE}=${visit.webSession}; Path=/l; Max-Age=31536000; HttpOnly; SameSite=Lax${secure}`;
        return await reply.code(302).header('set-cookie', cookie).header('location', visit.link.url).send();
      } catch (error) {
        log.warn({ err: error }, `a tracking link cannot be followed: ${describeError(error)}`);
        return await reply.code(503).header('retry-after', '5').type('text/plain').send('Try again in a moment.\n');
      }
    });
    done();
  };
}
