/* Requests to the server: JSON in, JSON out, through a queue in which a visitor holds one position. */
import { t } from "./i18n.js";
import { set, state } from "./store.js";
import { say } from "./toast.js";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** A name for a position in the server's queue: a later request under the same name replaces the earlier one. */
export const newTicket = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");

/**
 * Ask the server. Null where that failed, after saying why, and where a later request replaced this one. While the
 * visitor is queued it asks again, with what `request` is by then: that may be a function, which returns null where
 * there is nothing to ask any more.
 * @param {(request: string, ticket: string) => Promise<string>} call
 * @param {object | (() => object | null)} request
 * @param {string} [ticket]
 * @returns {Promise<any>}
 */
export async function ask(call, request, ticket = newTicket()) {
  for (;;) {
    const question = typeof request === "function" ? request() : request;
    const reply = question && (await attempt(call, question, ticket));
    if (reply?.waiting === undefined) {
      if (state.waiting && !reply?.replaced) set({ waiting: 0 });
      return reply?.replaced ? null : reply;
    }
    set({ waiting: reply.waiting + 1 });
    await pause(1000 * reply.again * (0.5 + Math.random()) + 300 * Math.random()); // not all at the same moment
  }
}

/** One request; `offline` says that the server did not answer at all. */
async function attempt(call, question, ticket) {
  let reply;
  try {
    reply = JSON.parse(await call(JSON.stringify(question), ticket));
  } catch {
    if (!state.offline) say(t`The server does not answer. Your drawing is still here; the page keeps trying.`);
    set({ offline: true });
    return null;
  }
  if (state.offline) {
    set({ offline: false });
    say(t`The server answers again. Your drawing is still here.`);
  }
  if (reply.error) {
    say(t(reply.error));
    return null;
  }
  return reply;
}
