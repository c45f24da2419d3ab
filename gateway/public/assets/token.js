// The form that asks for the gateway's token.

import { hasToken, useToken } from "./request.js";

const WRONG = "This is not the gateway’s token.";
const NO_HEADER = /[^\x20-\xff]/; // fetch would throw, as if there were no connection

/**
 * Wire the form. `given()` is called when there is a token to try.
 *
 * Returns a function that says that the gateway refused a request, with a token or without.
 */
export function tokenForm(form, given) {
  const input = form.querySelector("input");
  const problem = form.querySelector(".problem");

  const say = (words) => {
    problem.textContent = words;
    input.setAttribute("aria-invalid", String(words !== ""));
    if (words) input.focus();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = input.value.trim();
    say(""); // so that the same words are announced again
    if (token === "") return say("Type the token first.");
    if (NO_HEADER.test(token)) return say(WRONG);
    form.reset();
    useToken(token);
    given();
  });

  return () => {
    if (!hasToken()) return; // nobody has tried yet
    useToken("");
    say(WRONG);
  };
}
