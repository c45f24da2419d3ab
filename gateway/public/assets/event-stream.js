// Server-sent events from text, as the HTML standard has them. Pure.
//
// The browser's EventSource cannot send a token. What it would do with `id` and `retry` is not done
// here: the page needs no message again, and live.js knows when to try again.

/** A parser: given the text as it comes, it returns the messages that are complete. */
export function parser() {
  let rest = "";
  let message = { event: "", data: [] };

  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/); // a \r at the end may be half of a \r\n
    rest = lines.pop();
    const complete = [];
    for (const line of lines) {
      const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
      if (line === "") {
        const { event, data } = message;
        if (data.length > 0) complete.push({ event: event || "message", data: data.join("\n") });
        message = { event: "", data: [] };
      } else if (field === "event") message.event = value;
      else if (field === "data") message.data.push(value);
    }
    return complete;
  };
}
