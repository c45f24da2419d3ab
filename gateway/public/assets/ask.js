// The form that asks for a prediction. Its answer is words for everybody: a live region.

import { figure, short, whole } from "./numbers.js";

/**
 * Wire the form. `answered(given, reply)` is called with each prediction.
 *
 * Returns a function that shows an input for each feature, with the range of what was learned.
 */
export function askForm(form, answer, answered) {
  const fields = form.querySelector(".fields");
  let asking = new AbortController();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    asking.abort(); // the newest question counts
    asking = new AbortController();
    const given = [...new FormData(form)].filter(([, text]) => text.trim() !== "");
    try {
      const reply = await predict(given, asking.signal);
      answer.replaceChildren(...inWords(reply));
      answered(Object.fromEntries(given), reply);
    } catch (error) {
      if (error.name !== "AbortError") answer.replaceChildren(line("problem", error.message));
    }
  });

  return (features, summary) => {
    const shown = [...fields.querySelectorAll("input")].map((input) => input.name);
    if (shown.join() !== features.join()) fields.replaceChildren(...features.map(input));
    for (const name of features) {
      const { min, max } = summary[name];
      document.getElementById(`range-${name}`).textContent = `${short(min)} to ${short(max)}`;
    }
  };
}

async function predict(given, signal) {
  const headers = { accept: "application/json" };
  const response = await fetch(`/v1/ia/predict?${new URLSearchParams(given)}`, { headers, signal })
    .catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Error("The gateway can’t be reached. Try again in a moment.");
    });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? `The gateway answered ${response.status}.`);
  return body;
}

function inWords({ prediction, interval, formula, events }) {
  const target = formula.split("~")[0].trim();
  const value = line("value", figure(prediction));
  value.append(" ", Object.assign(document.createElement("span"), { textContent: target }));
  const words = [value];
  if (interval) {
    const level = figure(interval.level * 100, 2);
    words.push(line("", `${level} % interval: ${figure(interval.low)} to ${figure(interval.high)}`));
  }
  words.push(line("fine", `${formula}, from ${whole(events)} events`));
  return words;
}

function input(name) {
  const label = document.createElement("label");
  label.append(Object.assign(document.createElement("span"), { textContent: name }));
  label.append(Object.assign(document.createElement("input"), {
    name,
    type: "text", // not number: what is wrong with it is said in words, below
    inputMode: "decimal",
    autocomplete: "off",
    spellcheck: false,
  }));
  label.append(Object.assign(document.createElement("small"), { id: `range-${name}` }));
  return label;
}

const line = (className, textContent) =>
  Object.assign(document.createElement("p"), { className, textContent });
