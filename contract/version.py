"""The option `--version` of every command."""

from importlib.metadata import version
from typing import Annotated

import typer


def _show(asked: bool) -> None:  # noqa: FBT001 - typer's
    if asked:
        typer.echo(f"riverline {version('riverline')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_show, is_eager=True, help="Show the version and exit."),
]
"""The type of a command's parameter `_version`, whose default is False."""
