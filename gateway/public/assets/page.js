// The page: each state that the gateway sends says all, and is shown as a whole.

import { askForm } from "./ask.js";
import { calibration, percent, shares } from "./calibration.js";
import { chart } from "./chart.js";
import { fit } from "./fit.js";
import { heightOf, levels } from "./levels.js";
import { watch } from "./live.js";
import { figure, whole } from "./numbers.js";
import { inWords } from "./problem.js";
import { hasToken } from "./request.js";
import { showChallengers, showCoefficients, showQuality } from "./table.js";
import { timeline } from "./timeline.js";
import { tokenForm } from "./token.js";

const $ = (id) => document.getElementById(id);
const say = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text; // a live region speaks of changes
};

const fitChart = chart($("fit"), (data, size) => (data.levels ? levels : fit)(data, size));
const errorChart = chart($("error"), timeline);
const speedChart = chart($("speed"), timeline);
const calibrationChart = chart($("calibration"), calibration);

const MANY = 4; // features: with more of them the form needs the whole width
let latest;
let asked = null;
const showFields = askForm($("ask"), $("answer"), (given, reply) => {
  const { low = null, high = null } = reply.interval ?? {};
  asked = { formula: reply.formula, given, y: reply.prediction, low, high };
  showFit(latest);
});

let over = ""; // the field that the reader chose
const path = () => (over ? `/v1/ia/live?${new URLSearchParams({ over })}` : "/v1/ia/live");
const reconnect = watch(path, {
  state(state) {
    latest = state;
    connection("live", "Live");
    appear("figures");
    $("figures").classList.remove("stale");
    showKeyFigures(state);
    showLateLabels(state);
    showRefused(state);
    $("figures").classList.toggle("many", state.features.needed.length > MANY);
    showFields(state.features, state.summary);
    showChoices(state);
    showFit(state);
    showTimelines(state);
    showCalibration(state.regression);
    showChallengerCard(state.regression);
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
$("over").addEventListener("change", () => {
  over = $("over").value;
  reconnect();
});

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
  say("whole-formula", regression.formula);
  say("events", whole(regression.events));
  say("rate", whole(rate));
  say("rmse", figure(rmse));
  say("recent-rmse", figure(recent));
  say("mae", figure(mae));
  say("r2", figure(regression.r2, 3));
}

/** What the chart may go over. */
function showChoices({ features: { needed }, effect }) {
  $("choice").hidden = needed.length < 2;
  const present = [...$("over").options].map(({ value }) => value);
  if (present.join() !== needed.join())
    $("over").replaceChildren(...needed.map((name) => new Option(name)));
  $("over").value = effect.over;
}

function showFit({ effect, target, recent, regression, summary, features }) {
  const { over, range, points } = effect;
  if (over === null) return say("fit-summary", "The formula has no term to draw a line over.");
  if (points.length === 0) return say("fit-summary", "A field of the formula was never seen yet.");
  const ofLevels = summary[over].levels !== undefined;
  const [x, y] = [over, target].map((name) => recent.fields.indexOf(name));
  const rows = recent.rows
    .map((row) => [ofLevels ? levelOf(row[x]) : row[x], row[y]])
    .filter(([at, value]) => at !== null && typeof value === "number");
  const others = features.needed.filter((name) => name !== over);
  const words = inSentences(effect, target, regression, ofLevels, others, summary);
  say("fit-summary", words);
  const marked = mark(effect, regression, ofLevels);
  $("fit-asked").hidden = marked === null;
  $("fit-band").hidden = points[0].low === null;
  $("fit-line").hidden = ofLevels;
  $("fit-estimate").hidden = !ofLevels;
  $("fit").style.flexBasis = ofLevels ? `${heightOf(points.length)}px` : "";
  fitChart(
    { over, target, range, points, rows, marked, levels: ofLevels },
    `${described(points, over, ofLevels)}, over ${rows.length} events. ${words}`,
  );
}

/** The level of a row; a boolean's is a number there. */
const levelOf = (value) => (typeof value === "number" ? String(value === 1) : value);

/** The answer, where it is one of the picture's. */
function mark({ over, points }, { formula }, ofLevels) {
  if (asked?.formula !== formula || asked.given[over] === undefined) return null;
  const x = ofLevels ? asked.given[over] : Number(asked.given[over]);
  const shown = ofLevels
    ? points.some((point) => point.x === x)
    : x >= points[0].x && x <= points.at(-1).x;
  return shown ? { ...asked, x } : null;
}

function inSentences({ over }, target, { coefficients, residual_sd: spread }, ofLevels, others, summary) {
  const alone = Object.keys(coefficients).filter((term) => term.includes(over));
  const slope = alone.length === 1 && coefficients[over]; // no other term may change with it
  return [
    !ofLevels && slope ? `Per unit of ${over}, ${target} changes by ${figure(slope.coef)}.` : "",
    `The residuals’ standard deviation is ${figure(spread)}.`,
    others.length === 0 ? ""
    : others.every((name) => summary[name].levels) ? "The other fields stand at their reference."
    : others.some((name) => summary[name].levels)
      ? "The other fields stand at their medians, categories at their reference."
    : "The other fields stand at their medians.",
  ].filter(Boolean).join(" ");
}

function described(points, over, ofLevels) {
  if (ofLevels) return points.map(({ x, y }) => `${x}: ${figure(y)}`).join(", ");
  const [first, last] = [points[0], points.at(-1)];
  return `From ${figure(first.y)} at ${over} ${figure(first.x)} to ${figure(last.y)} at ${figure(last.x)}`;
}

/** Nothing of a learner whose predictions have no intervals. */
function showCalibration({ calibration: counts }) {
  $("calibration-card").hidden = !counts?.n;
  if (!counts?.n) return;
  const levels = shares(counts);
  const { level, all, recent } = levels.at(-1);
  const words =
    `Of ${whole(counts.n)} outcomes ${percent(all)} % fell into their own ${percent(level)} % interval, ` +
    `of the last ${whole(counts.recent.n)} ${percent(recent)} %.`;
  say("calibration-summary", words);
  $("calibration").style.flexBasis = `${heightOf(levels.length)}px`;
  calibrationChart(levels, words);
}

function showChallengerCard({ challengers = [] }) {
  $("challengers-card").hidden = challengers.length === 0;
  showChallengers($("challengers"), challengers);
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
