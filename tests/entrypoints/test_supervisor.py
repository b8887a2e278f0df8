"""Several processes that serve one socket: what is said when they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from qure.application.ports.setup import SetupError
from qure.entrypoints.process.serving import listen
from qure.entrypoints.process.supervisor import Supervisor
from qure.settings import Settings


@pytest.mark.timeout(120)
def test_what_the_first_process_complains_of_is_what_ends_them_all(alone: Path) -> None:
    keys = alone / "data" / "keys"
    keys.mkdir(parents=True)
    (keys / "jwt-private-key.pem").write_text("damaged")
    started: list[str] = []
    with listen("127.0.0.1", 0) as listener:
        supervisor = Supervisor(
            Settings(), listener, workers=2, on_ready=lambda: started.append("ready")
        )
        with pytest.raises(SetupError, match="The keys in data cannot be used"):
            supervisor.run()
    assert started == []
