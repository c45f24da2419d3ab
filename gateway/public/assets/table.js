// The coefficients and the quality of the fit, as statisticians expect them.

import { figure, probability, whole } from "./numbers.js";

/** What holds however often it is looked at, and, in a table of its own, the textbook's figures. */
export function showCoefficients(body, textbook, coefficients) {
  const rows = Object.entries(coefficients);
  show(body, rows.map(([term, { coef, se, always_valid: { p, low, high } }]) =>
    [term, figure(coef), figure(se), probability(p), figure(low), figure(high)]));
  show(textbook, rows.map(([term, { t, p, low, high }]) =>
    [term, figure(t), probability(p), figure(low), figure(high)]));
}

/** Formulas that are learned beside the model's own, the champion. */
export function showChallengers(body, challengers) {
  show(body, challengers.map(({ formula, n, rmse = null, champion, difference }) => {
    const { mean = null, low = null, high = null } = difference ?? {};
    const errors = [rmse, champion?.rmse ?? null, mean, low, high];
    return [formula, whole(n), ...errors.map((value) => figure(value))];
  }));
}

/** Each cell has its column's name too: a phone shows rows as cards. */
function show(body, rows) {
  const names = [...body.closest("table").querySelectorAll("thead th")].map((it) => it.textContent);
  body.replaceChildren(...rows.map(([term, ...figures]) => {
    const head = Object.assign(cell("th", term), { scope: "row", role: "rowheader" });
    const cells = figures.map((text, i) => {
      const made = Object.assign(cell("td", text), { role: "cell" });
      made.dataset.name = names[i + 1];
      return made;
    });
    const row = element("tr", head, ...cells);
    row.role = "row";
    return row;
  }));
}

export function showQuality(list, regression) {
  const { residuals } = regression;
  const figures = [
    ["Observations", whole(regression.n)],
    ["Df residuals", whole(regression.df_resid)],
    ["R²", figure(regression.r2, 3)],
    ["Adjusted R²", figure(regression.adjusted_r2, 3)],
    ["F", figure(regression.f)],
    ["Prob (F)", probability(regression.prob_f)],
    ["Residual s.d.", figure(regression.residual_sd)],
    ["Log-likelihood", figure(regression.log_likelihood)],
    ["AIC", figure(regression.aic)],
    ["BIC", figure(regression.bic)],
    ["Condition no.", figure(regression.condition_number, 3)],
    ["Durbin–Watson", figure(residuals.durbin_watson)],
    ["Prob (Omnibus)", probability(residuals.prob_omnibus)],
    ["Prob (Jarque–Bera)", probability(residuals.prob_jarque_bera)],
    ["Skew", figure(residuals.skew, 3)],
    ["Kurtosis", figure(residuals.kurtosis, 3)],
  ];
  list.replaceChildren(...figures.map(([name, text]) =>
    element("div", cell("dt", name), cell("dd", text))));
}

const cell = (name, text) => Object.assign(document.createElement(name), { textContent: text });

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
