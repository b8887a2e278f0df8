"""``docs/http-api.md`` says what the routes do."""

from __future__ import annotations

import re
from pathlib import Path

from qure.entrypoints.http.openapi import openapi_document, operations
from tests.support.http_service import HttpService

PAGE = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text()


def test_the_table_of_calls_is_the_apps_routes(service: HttpService) -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/\S*)` \| ([\w ]+) \| .+ \|$", PAGE, re.MULTILINE)
    written = {(method.lower(), path): who for method, path, who in rows}
    routes = {(method, path): one for path, method, one in operations(service.routes)}
    assert len(written) == len(rows)
    assert set(written) == set(routes)
    for call, described in routes.items():
        assert (written[call] == "public") == described.public, call


def test_every_code_that_a_call_declares_is_in_the_table_of_codes(service: HttpService) -> None:
    rows = re.findall(r"^\| (\d{3}) \| .*? \| (.*) \|$", PAGE, re.MULTILINE)
    written = {status: set(re.findall(r"`(\w+)`", codes)) for status, codes in rows}
    declared: dict[str, set[str]] = {}
    for methods in openapi_document(service.routes)["paths"].values():
        for call in methods.values():
            for status, answer in call["responses"].items():
                examples = answer["content"]["application/json"].get("examples", {})
                declared.setdefault(status, set()).update(examples)
    for status, codes in declared.items():
        assert codes <= written.get(status, set()), (status, codes - written.get(status, set()))
