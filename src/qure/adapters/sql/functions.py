"""Functions of SQL that the two databases name differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class smaller_of(GenericFunction[float]):  # noqa: N801 - it is written like a function of SQL
    """The smaller of two numbers."""

    type = Double()
    inherit_cache = True


@compiles(smaller_of, "postgresql")
def _least(element: smaller_of, compiler: Any, **options: Any) -> str:
    return f"least({compiler.process(element.clauses, **options)})"


@compiles(smaller_of, "sqlite")
def _min(element: smaller_of, compiler: Any, **options: Any) -> str:
    return f"min({compiler.process(element.clauses, **options)})"
