"""Prometheus' rules as the Prometheus operator wants them: `make monitoring` writes the file.

A test holds it to what this makes of `deploy/prometheus/rules.yml`.
"""

from pathlib import Path
from textwrap import indent
from typing import Final

DEPLOY: Final = Path(__file__).parents[1]
RULES: Final = DEPLOY / "prometheus/rules.yml"
TARGET: Final = DEPLOY / "kubernetes/monitoring/alerts.yaml"

HEAD: Final = """\
# Written by `make monitoring` from deploy/prometheus/rules.yml: change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: { name: riverline }
spec:
"""


def written() -> str:
    """The file's text: the groups, one level deeper."""
    _, found, groups = RULES.read_text().partition("\ngroups:\n")
    return HEAD + indent(found.lstrip("\n") + groups, "  ")


if __name__ == "__main__":
    TARGET.write_text(written())
