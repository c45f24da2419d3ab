"""Which versions run here."""

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Ours, and those of what decides how we behave; the labels of ``riverline_build_info``."""
    return {
        "version": version("riverline"),
        "kafka_python": version("kafka-python"),
        "river": version("river"),
        "python": platform.python_version(),
    }
