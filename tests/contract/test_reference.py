"""The reference pages say what the code says."""

import pytest

from deploy.reference import PAGES, TARGET


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_as_the_code_makes_it(page: str) -> None:
    assert (TARGET / f"{page}.md").read_text() == PAGES[page](), (
        "expected what `make reference` writes"
    )


def test_every_metric_with_labels_names_them() -> None:
    by_name = dict.fromkeys(("riverline_coefficient", "riverline_leaderless_partitions"))
    rows = [line.split(" | ") for line in PAGES["metrics"]().splitlines() if "riverline_" in line]
    named = {row[0].strip("|` "): row[2] for row in rows if len(row) > 3}
    assert {name: named[name] for name in by_name} == {
        "riverline_coefficient": "`term`",
        "riverline_leaderless_partitions": "`topic`",
    }
