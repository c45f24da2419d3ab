// The gateway's live data, whatever happens to the connection.

import { parser } from "./event-stream.js";
import { request } from "./request.js";

const SILENCE_MS = 15_000; // the gateway sends a beat every 5 seconds at least
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;

/**
 * Watch what `path()` names: `state(data)` and `trouble(data)` are called with each message, `lost()` when the
 * connection is, while it is tried again, and `refused()` where the gateway wants another token.
 *
 * Returns a function that connects anew, to what `path()` names then: after a refusal nothing else does.
 */
export function watch(path, { state, trouble, lost, refused }) {
  const tell = { state, trouble };
  let connection = new AbortController();
  let timer;
  let pause = FIRST_PAUSE_MS;

  const close = () => {
    clearTimeout(timer);
    connection.abort();
  };

  const open = async () => {
    close();
    connection = new AbortController();
    const { signal } = connection;
    expectMore();
    const status = await listen(signal).catch(() => null);
    if (signal.aborted) return; // by us
    if (status !== 401) return lose();
    close();
    refused();
  };

  /** Listen to the end; returns the HTTP status. */
  const listen = async (signal) => {
    const { ok, status, body } = await request(path(), { signal });
    if (!ok) return status;
    const parse = parser();
    const sink = new WritableStream({ write: (text) => parse(text).forEach(heard) });
    await body.pipeThrough(new TextDecoderStream()).pipeTo(sink, { signal });
    return status;
  };

  const heard = ({ event, data }) => {
    pause = FIRST_PAUSE_MS;
    expectMore();
    try {
      tell[event]?.(JSON.parse(data));
    } catch (error) {
      reportError(error); // a fault of the page, and none of the connection
    }
  };

  const expectMore = () => {
    clearTimeout(timer);
    timer = setTimeout(lose, SILENCE_MS);
  };

  const lose = () => {
    close();
    lost();
    timer = setTimeout(open, pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  };

  // A hidden page asks for nothing; a browser has only six connections for all pages of a host.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  if (!document.hidden) open();
  return open;
}
