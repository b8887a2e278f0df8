"""What the forge is told: by its schemas, and in step with the rest of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]


def name_of(path: Path) -> str:
    return path.name


def loaded(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text())
    assert isinstance(found, dict)
    return found


def steps_of(path: Path) -> list[dict[str, Any]]:
    return [step for job in loaded(path)["jobs"].values() for step in job.get("steps", ())]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
)
def test_each_file_holds_by_its_schema(schema: str, files: list[Path]) -> None:
    assert files
    checker = Path(sys.executable).with_name("check-jsonschema")
    found = subprocess.run(
        [checker, "--builtin-schema", schema, *files], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_every_action_is_ours_or_pinned_to_a_commit(workflow: Path) -> None:
    for used in re.findall(r"uses: (.+)", workflow.read_text()):
        assert used.startswith("./") or re.fullmatch(
            r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used
        ), used


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_a_workflow_may_only_read_unless_a_job_says_what_else(workflow: Path) -> None:
    assert loaded(workflow)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_every_job_ends(workflow: Path) -> None:
    for name, job in loaded(workflow)["jobs"].items():
        assert "uses" in job or job["timeout-minutes"] <= 90, name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_what_a_workflow_runs_is_there(workflow: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for step in steps_of(workflow):
        run = step.get("run", "")
        for script in re.findall(r"(?<![\w/])(?:\.ci|scripts)/[\w-]+", run):
            assert (ROOT / script).stat().st_mode & 0o111, script
        assert set(re.findall(r"\bmake ([a-z-]+)", run)) <= targets, run
        if folder := step.get("working-directory"):
            assert folder == "${{ matrix.folder }}"


def test_ci_runs_on_every_python_that_is_supported() -> None:
    python = loaded(GITHUB / "workflows" / "ci.yml")["jobs"]["tests"]["strategy"]["matrix"][
        "python"
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert set(claimed) <= set(python)
    assert project["requires-python"] == f">={python[0]}"


def test_every_lock_of_npm_is_updated_and_audited() -> None:
    locks = {
        str(path.parent.relative_to(ROOT))
        for top in ("bench", "tests")
        for path in (ROOT / top).rglob("package-lock.json")
        if "node_modules" not in path.parts
    }
    [npm] = [
        one
        for one in loaded(GITHUB / "dependabot.yml")["updates"]
        if one["package-ecosystem"] == "npm"
    ]
    audit = loaded(GITHUB / "workflows" / "audit.yml")["jobs"]["javascript"]
    assert {folder.removeprefix("/") for folder in npm["directories"]} == locks
    assert set(audit["strategy"]["matrix"]["folder"]) == locks


def test_only_the_job_that_publishes_may_say_who_it_is() -> None:
    for workflow in WORKFLOWS:
        for name, job in loaded(workflow)["jobs"].items():
            trusted = "id-token" in job.get("permissions", {})
            assert trusted == ((workflow.stem, name) == ("release", "publish"))


def test_hooks_run_what_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    checked = set(re.findall(r"^\t\$\(BIN\)/([\w-]+)", makefile[makefile.index("check:") :], re.M))
    [repository] = loaded(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    called = {hook["entry"].split()[0] for hook in repository["hooks"]}
    assert called == {f".venv/bin/{name}" for name in ("ruff", "mypy", "lint-imports")}
    assert {path.removeprefix(".venv/bin/") for path in called} <= checked


CHANGELOG = """\
# Changelog
## [Unreleased]
- nothing yet
## [1.2.0] - 2026-01-31
### Added
- a thing
## [1.1.0] - unreleased
- another
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "release-notes", tmp_path / "scripts")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def release_notes(repository: Path, version: str) -> subprocess.CompletedProcess[str]:
    script = repository / "scripts" / "release-notes"
    return subprocess.run([script, version], capture_output=True, text=True, check=False)


def test_the_notes_of_a_release_are_its_section_of_the_changelog(repository: Path) -> None:
    found = release_notes(repository, "1.2.0")
    assert (found.returncode, found.stdout) == (0, "### Added\n- a thing\n")


@pytest.mark.parametrize("version", ["1.1.0", "1.2", "Unreleased", "2.0.0"])
def test_a_version_without_a_dated_section_is_not_released(repository: Path, version: str) -> None:
    found = release_notes(repository, version)
    assert (found.returncode, found.stdout) == (1, "")
    assert f"[{version}]" in found.stderr
