"""A gateway, a service and topics of a test's own, on the session's Kafka."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from support.gateway import Gateway, install, running_gateway
from support.service import Service, own_names, running_service
from support.waiting import wait_until


@dataclass(frozen=True, slots=True)
class World:
    """A service, a gateway in front of it, and the environment of both."""

    service: Service
    gateway: Gateway
    environment: dict[str, str]


Make = Callable[..., World]


@pytest.fixture(scope="session", autouse=True)
def gateway_is_installed() -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, which starts the gateway (Debian: apt-get install npm)")
    install()


def _started(stack: ExitStack, servers: str, **environment: str) -> World:
    names = {
        **own_names(servers),
        **environment,
    }
    service = stack.enter_context(running_service(**names))
    wait_until(lambda: service.ready)
    gateway = stack.enter_context(running_gateway(names))
    return World(service, gateway, names)


@pytest.fixture
def make(kafka: str) -> Iterator[Make]:
    """Make a world, on the session's Kafka unless told: ``make(REQUEST_TIMEOUT_MS="1")``."""
    with ExitStack() as stack:

        def made(servers: str = kafka, **environment: str) -> World:
            return _started(stack, servers, **environment)

        yield made


@pytest.fixture(scope="module")
def world(kafka: str) -> Iterator[World]:
    """A world that the tests of a module share."""
    with ExitStack() as stack:
        yield _started(stack, kafka)
