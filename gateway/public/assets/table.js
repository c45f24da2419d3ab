// The coefficients and the quality of the fit, as statisticians expect them.

import { figure, probability, whole } from "./numbers.js";

/** What holds however often it is looked at, and, in a table of its own, the textbook's figures. */
export function showCoefficients(body, textbook, coefficients) {
  const rows = Object.entries(coefficients);
  body.replaceChildren(...rows.map(([term, { coef, se, always_valid: { p, low, high } }]) =>
    line(term, figure(coef), figure(se), probability(p), figure(low), figure(high))));
  textbook.replaceChildren(...rows.map(([term, { t, p, low, high }]) =>
    line(term, figure(t), probability(p), figure(low), figure(high))));
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

function line(term, ...figures) {
  const head = cell("th", term);
  head.scope = "row";
  return element("tr", head, ...figures.map((text) => cell("td", text)));
}

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
