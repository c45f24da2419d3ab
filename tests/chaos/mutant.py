"""The service with one thing wrong: it dies at a named point, or one safeguard is taken out.

    PYTHONPATH=tests python -m chaos.mutant NAME [N]

A point of death is reached at its N-th call (1 unless told). Everything else is the service as it
is: the mutation wraps a function of the imported modules and then runs ``python -m consumer``.
"""

import sys
from collections.abc import Callable

from chaos.mutations.answers import OF_ANSWERS
from chaos.mutations.deaths import DEATHS
from chaos.mutations.learning import OF_LEARNING
from chaos.mutations.traps import TRAPS
from consumer.__main__ import cli

NAMES: dict[str, Callable[[int], None]] = {
    function.__name__.replace("_", "-"): function
    for function in (*DEATHS, *OF_LEARNING, *OF_ANSWERS, *TRAPS)
}


if __name__ == "__main__":
    NAMES[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    sys.argv[1:] = []
    cli()
