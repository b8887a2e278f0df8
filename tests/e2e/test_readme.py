"""What README.md tells a stranger to type works as it is typed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.servers.process import wait_until
from tests.support.servers.qure import QureProcess

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
PASSWORD = "open sesame"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_every_file_that_it_points_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.timeout(300)
def test_five_minutes_are_lived_through_as_they_are_written(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.fail("node is missing: install Node.js 18 or newer with npm")
    subprocess.run([ROOT / "scripts" / "install-js", "tests/support/js"], cwd=ROOT, check=True)
    start, clinic, call = blocks("sh")
    [client] = blocks("js")
    assert "make run" in start
    assert ".venv/bin/qure create-admin you@example.com" in start
    service = QureProcess({}, "serve")
    try:
        service.start()
        service.command("create-admin", "you@example.com", "--password", PASSWORD)
        (tmp_path / "node_modules").symlink_to(ROOT / "tests" / "support" / "js" / "node_modules")
        (tmp_path / "watch.mjs").write_text(client)
        heard = tmp_path / "heard"
        script = "\n".join(
            [
                "set -eu",
                clinic.replace("http://localhost:3000", service.url),
                'node watch.mjs "$PATIENT" "$QUEUE" >heard & PHONE=$!',
                "until grep -q 'now serving 0, 1 waiting' heard; do sleep 0.05; done",
                call,
                "until grep -q 'number 1: it is your turn' heard; do sleep 0.05; done",
                "until grep -q 'now serving 1, 0 waiting' heard; do sleep 0.05; done",
                "kill $PHONE",
            ]
        )
        done = subprocess.Popen(
            ["timeout", "120", "bash", "-c", script],
            cwd=tmp_path,
            env=os.environ | {"QURE_URL": service.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output, _ = done.communicate()
        assert done.returncode == 0, output + (heard.read_text() if heard.exists() else "")
        wait_until(lambda: "it is your turn" in heard.read_text(), 5, "the call")
    finally:
        service.close()
