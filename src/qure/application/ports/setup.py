"""What an operator has to mend before anything can run."""

from __future__ import annotations


class SetupError(Exception):
    """What the settings name cannot be used; the message is one sentence that says what."""
