// The form that asks for a prediction. Its answer is words for everybody: a live region.

import { figure, short, whole } from "./numbers.js";
import { inWords } from "./problem.js";
import { request } from "./request.js";

/**
 * Wire the form. `answered(given, reply)` is called with each prediction.
 *
 * Returns a function that shows an input for each feature, with the range of what was learned: those
 * that the formula needs first, the others folded away.
 */
export function askForm(form, answer, answered) {
  const [needed, others] = form.querySelectorAll(".fields");
  let asking = new AbortController();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    asking.abort(); // the newest question counts
    asking = new AbortController();
    const given = [...new FormData(form)]
      .map(([name, text]) => [name, text.trim()])
      .filter(([, text]) => text !== "");
    try {
      const reply = await predict(given, asking.signal);
      answer.replaceChildren(...shown(reply));
      answered(Object.fromEntries(given), reply);
    } catch (error) {
      if (error.name !== "AbortError") answer.replaceChildren(line("problem", `${error.message}.`));
    }
  });

  return (features, summary) => {
    showFields(needed, features.needed, summary);
    showFields(others, features.others, summary);
    others.closest("details").hidden = features.others.length === 0;
  };
}

function showFields(fields, names, summary) {
  const present = [...fields.querySelectorAll("input, select")].map((input) => input.name);
  if (present.join() !== names.join())
    fields.replaceChildren(...names.map((name) => field(name, summary[name].levels)));
  for (const name of names) {
    const { min, max, levels } = summary[name];
    document.getElementById(`range-${name}`).textContent =
      levels ? `${Object.keys(levels).length} levels`
      : min === null ? "not seen yet"
      : `${short(min)} to ${short(max)}`;
  }
}

async function predict(given, signal) {
  const headers = { accept: "application/json" };
  const response = await request(`/v1/ia/predict?${new URLSearchParams(given)}`, { headers, signal })
    .catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Error("The gateway can’t be reached; try again in a moment");
    });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const message = body.detail ?? `the gateway answered with status ${response.status}`;
    throw new Error(inWords({ code: body.code, message }));
  }
  return body;
}

function shown({ prediction, interval, formula, events }) {
  const target = formula.split("~")[0].trim();
  const value = line("value", figure(prediction));
  value.append(" ", element("span", { textContent: target }));
  const words = [value];
  if (interval) {
    const level = figure(interval.level * 100, 2);
    words.push(line("", `${level} % interval: ${figure(interval.low)} to ${figure(interval.high)}`));
  }
  words.push(line("fine of-formula", `From ${whole(events)} events: ${formula}`));
  return words;
}

function field(name, levels) {
  const input = levels
    ? choices(name, Object.keys(levels))
    : element("input", {
        id: `field-${name}`,
        name,
        type: "text", // not number: what is wrong with it is said in words, below
        inputMode: "decimal",
        autocomplete: "off",
        spellcheck: false,
      });
  input.setAttribute("aria-describedby", `range-${name}`);
  const label = element("label", { htmlFor: input.id, textContent: name });
  const field = element("div", { className: "field" });
  field.append(label, element("small", { id: `range-${name}` }), input);
  return field;
}

function choices(name, levels) {
  const select = element("select", { id: `field-${name}`, name });
  select.append(element("option", { value: "", textContent: "" }));
  for (const level of levels) select.append(element("option", { value: level, textContent: level }));
  return select;
}

const line = (className, textContent) => element("p", { className, textContent });

const element = (name, properties) => Object.assign(document.createElement(name), properties);
