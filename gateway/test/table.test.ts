import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Reply } from "../src/client.ts";
import { renderTable } from "../src/table.ts";

interface Example {
  name: string;
  text: string;
}

/** The golden replies to `train`, which every language reads. */
function replies(): Reply[] {
  const path = new URL("../../contract/examples/replies.json", import.meta.url);
  const examples = JSON.parse(readFileSync(path, "utf8")) as Example[];
  return examples
    .map(({ text }) => JSON.parse(text) as Reply)
    .filter((reply) => "coefficients" in reply);
}

function text(page: string): string {
  return page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
}

test("the table shows the figures as statisticians print them", () => {
  const reply = replies().find(({ n, formula }) => n === 200 && formula === "sales ~ tv");
  assert.ok(reply);
  const shown = text(renderTable(reply));
  for (const due of [
    "tv 0.0475 0.000 0.038 0.057",
    "Intercept 7.0326 0.458 15.360 0.000 6.130 7.935",
    "tv 0.0475 0.003 17.668 0.000 0.042 0.053",
    "R-squared 0.612",
    "Adj. R-squared 0.610",
    "F-statistic 312.1",
    "Prob (F-statistic) 1.47e-42",
    "Log-Likelihood -519.05",
    "AIC 1042",
    "BIC 1049",
    "No. Observations 200",
    "Df Residuals 198",
    "Df Model 1",
    "Cond. No. 338",
    "Omnibus 0.531",
    "Prob (Omnibus) 0.767",
    "Durbin-Watson 2.040",
    "Jarque-Bera (JB) 0.669",
    "Prob (JB) 0.716",
    "Skew -0.089",
    "Kurtosis 2.779",
  ])
    assert.ok(shown.includes(` ${due} `), due);
});

test("every golden reply can be shown, and what is undefined says so", () => {
  assert.ok(replies().length > 1);
  for (const reply of replies()) assert.match(renderTable(reply), /<\/html>/);
  const [first] = replies();
  assert.ok(text(renderTable({ ...first, f: null })).includes("F-statistic undefined"));
});

test("no name can become markup", () => {
  const [first] = replies();
  const always_valid = { p: 1, low: null, high: null };
  const coef = { coef: 1, se: 1, t: 1, p: 1, low: 1, high: 1, always_valid };
  const reply = { ...first, formula: "<b>&", coefficients: { '<i a="b">': coef } };
  const page = renderTable(reply);
  assert.ok(page.includes("<p>&lt;b&gt;&amp;</p>"));
  assert.ok(page.includes("&lt;i a=&quot;b&quot;&gt;"));
});
