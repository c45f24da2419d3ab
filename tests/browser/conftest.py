"""A real gateway, service and Kafka for the page."""

import shutil
from collections.abc import Iterator

import pytest

from browser.stage import Stage, staged
from support.gateway import install


@pytest.fixture(scope="session", autouse=True)
def gateway_is_installed() -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, which installs the gateway")
    install()


@pytest.fixture
def empty(kafka: str) -> Iterator[Stage]:
    """A stage where nothing is learned yet."""
    with staged(kafka) as stage:
        yield stage


@pytest.fixture(scope="module")
def stage(kafka: str) -> Iterator[Stage]:
    """A stage where 5,000 made-up events are learned; tests may add to them."""
    with staged(kafka) as stage:
        stage.learn(5000)
        yield stage
