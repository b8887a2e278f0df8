"""The folder that everything is kept in."""

from __future__ import annotations

from pathlib import Path

from qure.application.ports.setup import SetupError


def make_folder(path: Path) -> None:
    """Make it, unless it is there. Raises ``SetupError``."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The data folder {path} cannot be made: {error.strerror}.") from error
