"""The images that we build on and start are pinned, and of the versions that tests use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from broker.distribution import KAFKA_VERSION
from deploy import digests

ROOT = Path(__file__).parents[2]
OURS = {"riverline", "riverline-gateway"}


def named() -> set[str]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    images = {service["image"] for service in services} - OURS
    for file in digests.FILES[1:]:
        lines = [line for line in file.read_text().splitlines() if line.startswith("FROM ")]
        images |= {line.split()[1] for line in lines}
    return images


def test_each_has_its_tag_and_one_digest() -> None:
    pins = [digests.PINNED.fullmatch(image) for image in named()]
    assert all(pins), named()
    assert len({pin["image"] for pin in pins if pin}) == len(pins)


def test_they_are_of_the_versions_that_tests_use() -> None:
    node = json.loads((ROOT / "gateway/package.json").read_text())["dependencies"]["node"]
    tags = {image.partition("@")[0] for image in named()}
    assert f"apache/kafka:{KAFKA_VERSION}" in tags
    assert f"node:{node}-slim" in tags


def test_the_command_writes_what_the_registry_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new = f"sha256:{'a' * 64}"
    docker = tmp_path / "docker"
    docker.write_text(f"#!{sys.executable}\nprint('{new}')\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM python:3.11-slim@sha256:{'b' * 64} AS build\nFROM scratch\n")
    monkeypatch.setattr(digests, "FILES", [file])
    digests.main()
    assert file.read_text() == f"FROM python:3.11-slim@{new} AS build\nFROM scratch\n"
    assert f"python:3.11-slim: sha256:{'b' * 64} -> {new}" in capsys.readouterr().out


def test_and_nothing_where_it_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!{sys.executable}\nraise SystemExit('no such tag')\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    file = tmp_path / "Dockerfile"
    file.write_text(pinned := f"FROM python:3.11-slim@sha256:{'b' * 64}\n")
    monkeypatch.setattr(digests, "FILES", [file])
    digests.digest.cache_clear()
    with pytest.raises(subprocess.CalledProcessError):
        digests.main()
    assert file.read_text() == pinned
