/** The OLS table in HTML. Pure. */

import type { Reply } from "./client.ts";

interface Term {
  coef: number;
  se: number;
  t: number | null;
  p: number | null;
  low: number;
  high: number;
  always_valid: { p: number | null; low: number | null; high: number | null };
}

interface Contribution {
  vif: number;
  partial_r2: number | null;
  f: number | null;
  p: number | null;
}

type Figures = Record<string, number | null>;

/** The reply to `train` as a page of its own. */
export function renderTable(reply: Reply): string {
  const formula = escape(String(reply["formula"]));
  const coefficients = reply["coefficients"] as Record<string, Term>;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OLS regression: ${formula}</title>
<link rel="stylesheet" href="/assets/page.css">
</head>
<body>
<main>
<h1>OLS regression</h1>
<p>${formula}</p>
${alwaysValid(coefficients)}
${textbook(coefficients, reply["errors"])}
${contributions(reply["terms"] as Record<string, Contribution> | undefined)}
${quality(reply as Figures)}
${residuals(reply["residuals"] as Figures)}
</main>
</body>
</html>
`;
}

function alwaysValid(coefficients: Record<string, Term>): string {
  const heads = ["Term", "coef", "p", "[low", "high]"];
  return byTerm("Always valid, however often you look", heads, coefficients, (term) => {
    const { p, low, high } = term.always_valid;
    return [term.coef, p, low, high];
  });
}

function textbook(coefficients: Record<string, Term>, errors: unknown): string {
  const title = errors === "HC0" || errors === "HC1" ? `Coefficients, ${errors} standard errors` : "Coefficients";
  const heads = ["Term", "coef", "std err", "t", "P&gt;|t|", "[0.025", "0.975]"];
  return byTerm(title, heads, coefficients, (term) => {
    const { coef, se, t, p, low, high } = term;
    return [coef, se, t, p, low, high];
  });
}

function contributions(terms: Record<string, Contribution> | undefined): string {
  if (terms === undefined) return "";
  const heads = ["Term", "VIF", "Partial R-squared", "F-statistic", "Prob (F-statistic)"];
  return byTerm("What each term adds to the others", heads, terms, (term) => {
    const { vif, partial_r2, f, p } = term;
    return [vif, partial_r2, f, p];
  });
}

/** A row for each term: its first figure with four decimals, the others with three. */
function byTerm<T>(
  caption: string,
  heads: readonly string[],
  terms: Record<string, T>,
  figures: (term: T) => (number | null)[],
): string {
  const rows = Object.entries(terms).map(([name, term]) => {
    const cells = figures(term).map((value, i) => `<td>${fixed(value, i === 0 ? 4 : 3)}</td>`);
    return `<tr><th scope="row">${escape(name)}</th>${cells.join("")}</tr>`;
  });
  return `<table>
<caption>${caption}</caption>
<thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>`;
}

function quality(reply: Figures): string {
  return pairs("Quality of the fit", [
    ["R-squared", fixed(reply["r2"], 3)],
    ["Adj. R-squared", fixed(reply["adjusted_r2"], 3)],
    ["F-statistic", fixed(reply["f"], 1)],
    ["Prob (F-statistic)", significant(reply["prob_f"])],
    ["Log-Likelihood", fixed(reply["log_likelihood"], 2)],
    ["AIC", fixed(reply["aic"], 0)],
    ["BIC", fixed(reply["bic"], 0)],
    ["No. Observations", fixed(reply["n"], 0)],
    ["Df Residuals", fixed(reply["df_resid"], 0)],
    ["Df Model", fixed(reply["df_model"], 0)],
    ["Cond. No.", significant(reply["condition_number"])],
  ]);
}

function residuals(figures: Figures): string {
  return pairs(`Residuals of the last ${fixed(figures["window"], 0)} events`, [
    ["Omnibus", fixed(figures["omnibus"], 3)],
    ["Prob (Omnibus)", fixed(figures["prob_omnibus"], 3)],
    ["Durbin-Watson", fixed(figures["durbin_watson"], 3)],
    ["Jarque-Bera (JB)", fixed(figures["jarque_bera"], 3)],
    ["Prob (JB)", fixed(figures["prob_jarque_bera"], 3)],
    ["Skew", fixed(figures["skew"], 3)],
    ["Kurtosis", fixed(figures["kurtosis"], 3)],
  ]);
}

function pairs(caption: string, rows: [string, string][]): string {
  const lines = rows.map(([name, text]) => `<tr><th scope="row">${name}</th><td>${text}</td></tr>`);
  return `<table>
<caption>${caption}</caption>
<tbody>
${lines.join("\n")}
</tbody>
</table>`;
}

function fixed(value: number | null | undefined, digits: number): string {
  return value == null ? "undefined" : value.toFixed(digits);
}

/** Three significant digits, as 338 or 1.47e-42. */
function significant(value: number | null | undefined): string {
  if (value == null) return "undefined";
  return value !== 0 && (value < 1e-3 || value >= 1e5) ? value.toExponential(2) : String(+value.toPrecision(3));
}

function escape(text: string): string {
  const marks: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (mark) => marks[mark] ?? mark);
}
