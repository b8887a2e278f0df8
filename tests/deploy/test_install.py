"""scripts/install: each environment is made once, from its lock, with the Python that was named.

The Pythons are stand-ins here: what they would install is what the other tests run on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KINDS = {
    "run": "requirements.lock",
    "dev": "requirements-dev.lock",
    "tools": "requirements-tools.lock",
}

# A Python of version 3.$MINOR: it is asked for its version, makes environments, and runs pip.
PYTHON = """\
#!/bin/sh
echo "3.MINOR $*" >>"$LOG"
case "$*" in
    *"sys.exit(not"*) [ MINOR -ge 11 ] && [ MINOR -lt 14 ] ;;
    *"print(*sys"*) echo "3 MINOR" ;;
    --version) echo "Python 3.MINOR" ;;
    "-m venv "*)
        mkdir -p "$3/bin"
        cp "$0" "$3/bin/python"
        printf '#!/bin/sh\\necho "pip 1 from %s/lib"\\n' "$(pwd -P)/$3" >"$3/bin/pip"
        chmod 755 "$3/bin/pip" ;;
esac
"""


class Checkout:
    """The script with locks beside it, and a PATH with Pythons 3.10, 3.11 and 3.12."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a folder"
        self.bin = folder / "bin"
        self.log = folder / "log"
        (self.root / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "scripts" / "install", self.root / "scripts")
        (self.root / "pyproject.toml").write_text("")
        for lock in KINDS.values():
            (self.root / lock).write_text("one==1\n")
        for minor in (10, 11, 12):
            python = self.bin / f"python3.{minor}"
            python.write_text(PYTHON.replace("MINOR", str(minor)))
            python.chmod(0o755)

    def install(self, kind: str, **environment: str) -> list[str]:
        """What each Python was told to install and make.

        Raises:
            CalledProcessError: the script failed.
        """
        self.log.write_text("")
        subprocess.run(
            ["sh", self.root / "scripts" / "install", kind],
            env={"PATH": f"{self.bin}:{os.defpath}", "LOG": str(self.log), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line for line in self.log.read_text().splitlines() if " -m " in line]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_an_environment_is_made_once(checkout: Checkout, kind: str) -> None:
    made = checkout.install(kind)
    assert made[0] == f"3.11 -m venv {'.tools' if kind == 'tools' else '.venv'}"
    assert f"--require-hashes -r {KINDS[kind]}" in made[1]
    assert checkout.install(kind) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_changes_is_installed_again(checkout: Checkout, kind: str) -> None:
    checkout.install(kind)
    (checkout.root / KINDS[kind]).write_text("one==2\n")
    [installed, *_] = checkout.install(kind)
    assert f"-r {KINDS[kind]}" in installed


def test_qure_itself_is_no_part_of_the_tools(checkout: Checkout) -> None:
    assert any("--editable" in line for line in checkout.install("run"))
    assert not any("--editable" in line for line in checkout.install("tools"))


@pytest.mark.parametrize("kind", KINDS)
def test_another_python_that_is_named_makes_the_environment_anew(
    checkout: Checkout, kind: str
) -> None:
    checkout.install(kind)
    assert checkout.install(kind, PYTHON="python3.11") == []
    assert checkout.install(kind, PYTHON="python3.12")[0].startswith("3.12 -m venv ")
    assert checkout.install(kind) == [], "without a name, the one that is there suits"


def test_a_python_that_does_not_suit_is_refused_in_a_sentence(checkout: Checkout) -> None:
    checkout.install("dev")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        checkout.install("run", PYTHON="python3.10")
    assert caught.value.stderr.startswith("qure: PYTHON=python3.10 is not")
