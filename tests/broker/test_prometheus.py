"""Prometheus' own tool finds nothing wrong with what a running service exposes."""

import subprocess

from scraper import needs_prometheus
from support.service import Service


@needs_prometheus
def test_names_and_texts_of_the_metrics_follow_prometheus_conventions(service: Service) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=service.page("/metrics"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
