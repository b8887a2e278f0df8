"""Which methods an address knows: what ``Allow`` says in answers to OPTIONS and in a 405."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from litestar.routes import BaseRoute, HTTPRoute

_PARAMETER = re.compile(r"\{[^}]*\}")


def allow(methods: Collection[str]) -> str:
    """The value of the header: whatever can be got can be asked for its head."""
    known = {"GET", "HEAD", *methods} if "GET" in methods else set(methods)
    return ", ".join(sorted(known))


def methods_by_address(routes: Iterable[BaseRoute]) -> dict[str, str]:
    """``Allow`` of every address. Routes of several methods may share one."""
    found = defaultdict[str, set[str]](set)
    for route in routes:
        if isinstance(route, HTTPRoute):
            found[address(route.path)] |= route.methods
    return {where: allow(methods) for where, methods in found.items()}


def address(template: str) -> str:
    """A path template without the names of its parameters."""
    return _PARAMETER.sub("{}", template)
