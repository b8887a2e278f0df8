"""The domain is pure: it knows the standard library, itself, and what waits are computed with."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qure.domain

DOMAIN = Path(qure.domain.__file__).parent
MODULES = sorted(DOMAIN.rglob("*.py"))


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Every module named by an import statement, at any depth, relative ones as a leading dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def is_allowed(module: str, path: Path) -> bool:
    own = module == "qure.domain" or module.startswith("qure.domain.")
    computes = path.parent.name == "waiting" and module.partition(".")[0] == "numpy"
    return own or computes or module.partition(".")[0] in sys.stdlib_module_names


def test_the_domain_has_modules_to_look_at() -> None:
    assert len(MODULES) > 5


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(DOMAIN).as_posix())
def test_every_import_is_the_standard_library_or_the_domain_itself(path: Path) -> None:
    strangers = [
        name for name in imports_of(ast.parse(path.read_text())) if not is_allowed(name, path)
    ]
    assert strangers == []


@pytest.mark.parametrize(
    "statement",
    [
        "import litestar",
        "from msgspec import Struct",
        "from qure.application import desk",
        "from . import token",
        "def f():\n    import redis",
        "import qure.wire.envelope",
    ],
)
def test_a_stranger_is_noticed(statement: str) -> None:
    imports = imports_of(ast.parse(statement))
    assert not all(is_allowed(name, DOMAIN / "token.py") for name in imports)


def test_only_waits_are_computed_with_numpy() -> None:
    assert is_allowed("numpy", DOMAIN / "waiting" / "paths.py")
    assert not is_allowed("numpy", DOMAIN / "token.py")
