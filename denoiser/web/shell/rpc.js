/* Requests to the server: JSON in, JSON out, through a queue in which a page has one position for each thing that it
   asks for. */
import { localize, t } from "./i18n.js";
import { set, state } from "./store.js";
import { say } from "./toast.js";

/** Wait so many milliseconds. */
export const pause = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));

const PAGE = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
let tickets = 0;

/**
 * A name for a position in the server's queue: a later request under the same name replaces the earlier one. The part
 * before the dot is the same for all of a page.
 */
export const newTicket = () => `${PAGE}.${++tickets}`;

/** The positions of the tickets that wait, counted from 1. @type {Map<string, number>} */
const positions = new Map();

/** Note a ticket's position, null where it does not wait; the page shows the one that is answered first. */
function setPosition(ticket, position) {
  if (position === null && !positions.delete(ticket)) return;
  if (position !== null) positions.set(ticket, position);
  set({ waiting: positions.size ? Math.min(...positions.values()) : 0 });
}

/**
 * Ask the server. Null where that failed, after saying why, and where a later request replaced this one. While the
 * visitor is queued it asks again, with what `request` is by then: that may be a function, which returns null where
 * there is nothing to ask any more. A question that has not changed is not sent again.
 * @param {(request: string | null, ticket: string) => Promise<string>} call
 * @param {object | (() => object | null)} request
 * @param {string} [ticket]
 * @returns {Promise<any>}
 */
export async function ask(call, request, ticket = newTicket()) {
  let kept = null; // the question that the server keeps
  for (;;) {
    const question = typeof request === "function" ? request() : request;
    const text = question && JSON.stringify(question);
    const reply = text && (await attempt(call, text === kept ? null : text, ticket));
    kept = reply?.kept ? text : null;
    if (reply?.waiting !== undefined) {
      setPosition(ticket, reply.waiting + 1);
      await pause(1000 * reply.again * (0.5 + Math.random()) + 300 * Math.random()); // not all at the same moment
    } else if (!reply?.forgotten) {
      if (!reply?.replaced) setPosition(ticket, null);
      return reply?.replaced ? null : reply;
    }
  }
}

/** One request, or null for the one that the server keeps. */
async function attempt(call, text, ticket) {
  let reply;
  try {
    reply = JSON.parse(await call(text, ticket));
  } catch {
    if (!state.offline) say(t("shell.rpc.noAnswer"));
    set({ offline: true });
    return null;
  }
  if (state.offline) {
    set({ offline: false });
    say(t("shell.rpc.answersAgain"));
  }
  if (reply.error) {
    say(localize(reply.error));
    return null;
  }
  return reply;
}
