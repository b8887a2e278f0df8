"""The image: linted, hash-pinned, non-root, and nothing in it that the service does not need."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instructions() -> list[str]:
    """One string an instruction, continuation lines joined, comments dropped."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [line for line in joined.splitlines() if line.strip()]


def final_stage() -> list[str]:
    found = instructions()
    return found[max(i for i, line in enumerate(found) if line.startswith("FROM ")) :]


def last(keyword: str) -> str:
    return [line for line in final_stage() if line.startswith(f"{keyword} ")][-1]


def test_the_linter_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    found = subprocess.run(
        [linter, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (found.stdout, found.stderr, found.returncode) == ("", "", 0)


def test_it_is_built_in_one_stage_and_run_in_another() -> None:
    assert sum(line.startswith("FROM ") for line in instructions()) == 2
    assert all("COPY" not in line or "--from=build" in line for line in final_stage())


def test_every_package_is_installed_by_its_hash() -> None:
    installs = [line for line in instructions() if "install" in line and "pip " in line]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "-r requirements.lock" in installs[0]
    # The project itself, built with what the lock brought.
    assert all("--no-deps" in line for line in installs)
    assert "--no-build-isolation" in installs[1]


def test_it_does_not_run_as_root() -> None:
    user = last("USER").removeprefix("USER ")
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", user)


def test_one_image_serves_works_and_commands() -> None:
    # The exec form: a shell in between would keep SIGTERM to itself.
    assert json.loads(last("ENTRYPOINT").removeprefix("ENTRYPOINT ")) == ["qure"]
    assert json.loads(last("CMD").removeprefix("CMD ")) == ["serve"]


def test_its_health_check_needs_nothing_but_python_and_sees_whether_health_answers() -> None:
    command = json.loads(last("HEALTHCHECK").split(" CMD ", 1)[1])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")
    assert "/health" in command[2]


def test_what_it_keeps_is_in_a_volume_that_its_user_owns() -> None:
    assert last("VOLUME") == "VOLUME /data"
    assert any("--owner=qure" in line and "/data" in line for line in final_stage())
    assert "QURE_DATA_DIR=/data" in last("ENV")


def test_the_builder_is_given_only_what_it_copies() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignore if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        name
        for line in instructions()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert allowed == copied
    assert all((ROOT / name).exists() for name in allowed)
