"""What a server does not need is not loaded, and is there again for whoever needs it later."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from qure.entrypoints.quick_start import CLIENT_LIBRARIES, without_client_libraries


def test_hidden_libraries_seem_not_to_be_installed_and_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "requests", raising=False)
    with without_client_libraries(), pytest.raises(ImportError):
        importlib.import_module("requests")
    assert importlib.import_module("requests").get


def test_what_is_loaded_already_is_left_alone() -> None:
    loaded = importlib.import_module("rich")
    with without_client_libraries():
        assert importlib.import_module("rich") is loaded


def test_an_embedded_service_loads_neither_clients_nor_what_only_redis_needs() -> None:
    program = (
        "import sys\n"
        "from qure.entrypoints.quick_start import without_client_libraries\n"
        "with without_client_libraries():\n"
        "    import qure.entrypoints.serving\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert "litestar" in loaded
    assert not {*CLIENT_LIBRARIES, "alembic", "saq"} & set(loaded)
