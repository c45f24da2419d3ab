// The page: each state that the gateway sends says all, and is shown as a whole.

import { askForm } from "./ask.js";
import { chart } from "./chart.js";
import { fit } from "./fit.js";
import { watch } from "./live.js";
import { figure, whole } from "./numbers.js";
import { inWords } from "./problem.js";
import { hasToken } from "./request.js";
import { showCoefficients, showQuality } from "./table.js";
import { timeline } from "./timeline.js";
import { tokenForm } from "./token.js";

const $ = (id) => document.getElementById(id);
const say = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text; // a live region speaks of changes
};

const fitChart = chart($("fit"), fit);
const errorChart = chart($("error"), timeline);
const speedChart = chart($("speed"), timeline);

let latest;
let asked = null;
const showFields = askForm($("ask"), $("answer"), (given, reply) => {
  const { low = null, high = null } = reply.interval ?? {};
  asked = { formula: reply.formula, x: Number(given[latest.term]), y: reply.prediction, low, high };
  showFit(latest);
});

const reconnect = watch({
  state(state) {
    latest = state;
    connection("live", "Live");
    appear("figures");
    $("figures").classList.remove("stale");
    showKeyFigures(state);
    showLateLabels(state);
    showRefused(state);
    showFields(state.recent.fields.filter((name) => name !== state.target), state.summary);
    showFit(state);
    showTimelines(state);
    showCoefficients($("coefficients"), $("textbook"), state.regression.coefficients);
    showQuality($("quality"), state.regression);
  },
  trouble(problem) {
    if (problem.code === "too-few-events") {
      connection("live", "Live");
      say("empty-why", problem.message);
      appear("empty");
    } else {
      connection("lost", "No new figures");
      const at = latest ? `The figures are those of ${new Date(latest.at).toLocaleTimeString()}.` : "";
      say("trouble", `${inWords(problem)}. Trying again. ${at}`);
      appear("trouble", latest ? "figures" : "trouble");
      $("figures").classList.add("stale");
    }
  },
  lost() {
    connection("lost", "Connection lost, trying again");
    $("figures").classList.add("stale");
  },
  refused() {
    connection("refused", "Token wanted");
    appear("token");
    tokenRefused();
    $("full-table").hidden = true;
  },
});
const tokenRefused = tokenForm($("token-form"), reconnect);
$("full-table").hidden = hasToken(); // a link sends no token

function connection(is, words) {
  $("connection").dataset.is = is;
  say("connection", words);
}

function appear(...ids) {
  // The focus must not go with a form that has done its work.
  if (!ids.includes("token") && $("token").contains(document.activeElement)) $("main").focus();
  for (const id of ["trouble", "empty", "figures", "token"]) $(id).hidden = !ids.includes(id);
}

function showRefused({ outcomes = {}, last_refused: last }) {
  const { refused = 0 } = outcomes;
  $("refused").hidden = refused === 0;
  if (refused === 0) return;
  const all = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const why = last ? `; the last one: ${last.detail}` : "";
  say("refused", `${whole(refused)} of ${whole(all)} events were refused${why}.`);
}

function showLateLabels({ late_labels: labels }) {
  $("late-labels").hidden = !labels;
  if (!labels) return;
  const { waiting, matched, expired } = labels;
  say(
    "late-labels",
    `${whole(waiting)} events wait for their labels; ${whole(matched)} got theirs, ${whole(expired)} did not in time.`,
  );
}

function showKeyFigures({ history, regression }) {
  const { rate, rmse, mae, recent } = history.at(-1);
  say("formula", regression.formula);
  say("events", whole(regression.events));
  say("rate", whole(rate));
  say("rmse", figure(rmse));
  say("recent-rmse", figure(recent));
  say("mae", figure(mae));
  say("r2", figure(regression.r2, 3));
}

function showFit({ term, target, line, recent, regression }) {
  if (!term) return say("fit-summary", "The formula has no term to draw a line over.");
  const [x, y] = [term, target].map((name) => recent.fields.indexOf(name));
  const points = recent.rows.map((row) => [row[x], row[y]]);
  const { coefficients, residual_sd: spread } = regression;
  const words =
    `Per unit of ${term}, ${target} changes by ${figure(coefficients[term].coef)}. ` +
    `The residuals’ standard deviation is ${figure(spread)}.` +
    (Object.keys(coefficients).length > 2 ? " The other terms stand at their means." : "");
  say("fit-summary", words);
  const [first, last] = [line[0], line.at(-1)];
  const marked =
    asked?.formula === regression.formula && asked.x >= first.x && asked.x <= last.x ? asked : null;
  $("fit-asked").hidden = marked === null;
  $("fit-band").hidden = first.low === null;
  fitChart(
    { term, target, line, points, marked },
    `From ${figure(first.y)} at ${term} ${figure(first.x)} to ${figure(last.y)} at ` +
      `${figure(last.x)}, over ${points.length} events. ${words}`,
  );
}

function showTimelines({ at: now, history: samples, target }) {
  const { rate, rmse, recent } = samples.at(-1);
  const errors =
    `RMSE ${figure(recent)} over the last 1,000 events, ${figure(rmse)} over all events so far.`;
  say("error-summary", errors);
  const series = [{ key: "recent", name: "line" }, { key: "rmse", name: "dashes" }];
  errorChart({ samples, now, series, title: `error in ${target}` }, errors);

  const highest = Math.max(...samples.map((sample) => sample.rate ?? 0));
  const speed = `Now ${whole(rate)}, at most ${whole(highest)} in the time shown.`;
  say("speed-summary", speed);
  const only = [{ key: "rate", name: "line" }];
  speedChart({ samples, now, series: only, title: "events/s", filled: true }, speed);
}
