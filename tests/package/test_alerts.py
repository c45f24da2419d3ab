"""The alerts, as Prometheus' own tool sees them: each fires, stays quiet, and has a runbook."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
ALERTS = re.findall(r"- alert: (\w+)", (PROMETHEUS / "rules.yml").read_text())


def promtool(*arguments: str) -> None:
    """Run it; it must find nothing wrong."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_each_alert_fires_and_stays_quiet() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "rules.test.yml")


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_tested_and_has_a_runbook(alert: str) -> None:
    assert f'"{alert}"' in (PROMETHEUS / "rules.test.yml").read_text()
    assert f"### {alert}\n" in (ROOT / "docs/OPERATIONS.md").read_text()
