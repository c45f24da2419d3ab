"""Replies as tables for a terminal."""

from collections.abc import Callable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contract.messages import Method

Reply = dict[str, Any]


def regression_table(reply: Reply) -> RenderableType:
    """The reply to ``train`` as an OLS table."""
    coefficients = reply["coefficients"].items()
    robust = None if reply["errors"] == "classical" else reply["errors"]
    always = _by_term(
        "Always valid, however often you look",
        ("coef", "p", "[low", "high]"),
        {term: (row["coef"], *_ends(row["always_valid"])) for term, row in coefficients},
    )
    textbook = _by_term(
        "OLS regression" if robust is None else f"OLS regression, {robust} standard errors",
        ("coef", "std err", "t", "P>|t|", "[0.025", "0.975]"),
        {term: (row["coef"], row["se"], row["t"], *_ends(row)) for term, row in coefficients},
    )
    tables: list[RenderableType] = [always, textbook]
    if "terms" in reply:
        figures = ("vif", "partial_r2", "f", "p")
        adds = {term: tuple(row[it] for it in figures) for term, row in reply["terms"].items()}
        heads = ("VIF", "partial R2", "F", "Prob (F)")
        tables.append(_by_term("What each term adds to the others", heads, adds))
    residuals = reply["residuals"]
    quality = _pairs(
        [
            ("R-squared", _figure(reply["r2"], 3)),
            ("Adj. R-squared", _figure(reply["adjusted_r2"], 3)),
            ("F-statistic", _figure(reply["f"], 1)),
            ("Prob (F-statistic)", _small(reply["prob_f"])),
            ("Log-likelihood", _figure(reply["log_likelihood"], 2)),
            ("AIC", _figure(reply["aic"], 0)),
            ("BIC", _figure(reply["bic"], 0)),
            ("No. observations", f"{reply['n']:,}"),
            ("Df residuals", f"{reply['df_resid']:,}"),
            ("Df model", f"{reply['df_model']}"),
            ("Cond. no.", f"{reply['condition_number']:.3g}"),
        ],
        [
            (f"Residuals of the last {residuals['window']}", ""),
            ("Omnibus", _figure(residuals["omnibus"], 3)),
            ("Prob (Omnibus)", _figure(residuals["prob_omnibus"], 3)),
            ("Durbin-Watson", _figure(residuals["durbin_watson"], 3)),
            ("Jarque-Bera (JB)", _figure(residuals["jarque_bera"], 3)),
            ("Prob (JB)", _figure(residuals["prob_jarque_bera"], 3)),
            ("Skew", _figure(residuals["skew"], 3)),
            ("Kurtosis", _figure(residuals["kurtosis"], 3)),
        ],
    )
    return Group(Text(reply["formula"], "bold"), *tables, quality)


def summary_table(reply: Reply) -> RenderableType:
    """The reply to ``describe`` or ``learn``, as pandas shows it."""
    summary = reply["summary"]
    table = Table("", *summary, title=f"{reply['events']:,} events, {reply['quantiles']} quartiles")
    for column in table.columns[1:]:
        column.justify = "right"
    for figure in next(iter(summary.values())):
        digits = 0 if figure == "count" else 4
        table.add_row(figure, *(_figure(fields[figure], digits) for fields in summary.values()))
    return table


TABLES: dict[Method, Callable[[Reply], RenderableType]] = {
    Method.TRAIN: regression_table,
    Method.DESCRIBE: summary_table,
    Method.LEARN: summary_table,
}


def _ends(row: Reply) -> tuple[float | None, float | None, float | None]:
    """A p-value and the ends of its interval."""
    return row["p"], row["low"], row["high"]


def _by_term(
    title: str, heads: tuple[str, ...], rows: dict[str, tuple[float | None, ...]]
) -> Table:
    table = Table("", *heads, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for term, (first, *others) in rows.items():
        table.add_row(term, _figure(first), *(_figure(it, 3) for it in others))
    return table


def _pairs(*columns: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for _ in columns:
        grid.add_column()
        grid.add_column(justify="right")
    for line in range(max(map(len, columns))):
        cells = [column[line] if line < len(column) else ("", "") for column in columns]
        grid.add_row(*(text for cell in cells for text in cell))
    return grid


def _figure(value: float | None, digits: int = 4) -> str:
    return "undefined" if value is None else f"{value:.{digits}f}"


def _small(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3g}"
