// The gateway's live data, whatever happens to the connection.

const AGAIN_MS = 3_000;
const SILENCE_MS = 15_000; // the gateway sends a beat every 5 seconds at least

/**
 * Watch: `state(data)` and `trouble(data)` are called with each message, `lost()` when the
 * connection is, while it is tried again.
 */
export function watch({ state, trouble, lost }) {
  let source;
  let timer;

  const open = () => {
    close();
    source = new EventSource("/v1/ia/live");
    source.addEventListener("state", (event) => heard(state, event));
    source.addEventListener("trouble", (event) => heard(trouble, event));
    source.addEventListener("beat", () => openIn(SILENCE_MS));
    source.addEventListener("error", () => {
      lost();
      // The browser tries again by itself, but not after an HTTP error.
      if (source.readyState === EventSource.CLOSED) openIn(AGAIN_MS);
    });
    openIn(SILENCE_MS);
  };
  const openIn = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      lost();
      open();
    }, ms);
  };
  const heard = (tell, event) => {
    openIn(SILENCE_MS);
    tell(JSON.parse(event.data));
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
  };

  // A hidden page asks for nothing; a browser has only six connections for all pages of a host.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  if (!document.hidden) open();
}
