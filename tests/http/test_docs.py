"""``/docs``: complete, true, and served without anybody else's help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from qure.entrypoints.http.docs import docs_router
from qure.entrypoints.http.openapi import TAGS, openapi_document, operations
from qure.settings import Settings
from qure.wire.parsing import Fields
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, refused, running_service


def validator(schema: dict[str, Any], document: dict[str, Any]) -> Draft202012Validator:
    """Checks instances against a schema of the document, references and formats too."""
    resource = DRAFT202012.create_resource(document)
    rooted = _rooted(schema)
    return Draft202012Validator(
        rooted,
        registry=Registry().with_resource("urn:openapi", resource),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def _rooted(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: f"urn:openapi{value}" if key == "$ref" else _rooted(value)
            for key, value in schema.items()
        }
    return [_rooted(one) for one in schema] if isinstance(schema, list) else schema


def calls(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            yield f"{method.upper()} {path}", call


async def test_the_page_names_nothing_that_we_do_not_serve(service: HttpService) -> None:
    page = await service.http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(named) == 4
    for path in named:
        assert path.startswith("/docs/")
        response = await service.http.get(path)
        assert response.status_code == 200, path
        assert response.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in page.text
    assert "//" not in page.text.replace("<!doctype", "")


async def test_the_page_shows_openapi_31_and_asks_nobody_else(service: HttpService) -> None:
    script = (await service.http.get("/docs/assets/swagger-ui-bundle.js")).text
    assert "isOAS31" in script
    start = (await service.http.get("/docs/start.js")).text
    assert "validatorUrl: null" in start
    assert 'url: "/docs/openapi.json"' in start


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/assets/nothing.js", "/docs/assets/../x"])
async def test_what_is_not_documentation_is_404(service: HttpService, path: str) -> None:
    refused(await service.http.get(path), 404, "not_found")


async def test_documentation_can_be_switched_off(settings: Settings, clock: FixedClock) -> None:
    async with running_service(replace(settings, docs=False), clock) as service:
        for path in ("/docs", "/docs/openapi.json", "/docs/assets/swagger-ui.css"):
            refused(await service.http.get(path), 404, "not_found")


def test_a_missing_package_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qure.entrypoints.http.docs.find_spec", lambda _: None)
    with pytest.raises(RuntimeError, match="swagger-ui-py"):
        docs_router()


async def test_the_document_is_the_apps_own(service: HttpService) -> None:
    response = await service.http.get("/docs/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == openapi_document(service.routes)
    assert response.json()["openapi"] == "3.1.0"


def test_every_call_says_what_it_is(service: HttpService) -> None:
    document = openapi_document(service.routes)
    ids = [call["operationId"] for _, call in calls(document)]
    assert len(ids) == len(set(ids)) > 30
    for name, call in calls(document):
        assert call["summary"], name
        assert call["description"].endswith("."), name
        assert call["tags"][0] in TAGS, name


def test_every_route_of_the_api_is_described(service: HttpService) -> None:
    described = {(path, method) for path, method, _ in operations(service.routes)}
    for route in service.routes.routes:
        path = getattr(route, "path_format", route.path)
        for method in getattr(route, "methods", ()):
            if path.startswith(("/api", "/health")) and method != "OPTIONS":
                assert (path, method.lower()) in described


def test_every_call_declares_its_errors(service: HttpService) -> None:
    for name, call in calls(openapi_document(service.routes)):
        statuses = set(call["responses"])
        assert "500" in statuses, name
        if "/health" not in name:
            assert "503" in statuses, name
        if {} not in call.get("security", [{"accessToken": []}]) and call.get("security") != []:
            assert "401" in statuses, name
        if "requestBody" in call:
            assert statuses >= {"400", "413", "415"}, name
        if any(one["schema"].get("format") == "uuid" for one in call.get("parameters", ())):
            assert "400" in statuses, name
        for status in statuses & {"429", "503"}:
            answer = call["responses"][status]
            assert "Retry-After" in answer.get("headers", {}) or "/health" in name


def test_every_schema_is_a_schema_and_every_example_fits_it(service: HttpService) -> None:
    document = openapi_document(service.routes)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    checked = 0
    for _name, call in calls(document):
        contents = [answer["content"] for answer in call["responses"].values()]
        contents += [call["requestBody"]["content"]] if "requestBody" in call else []
        for content in contents:
            for media in content.values():
                Draft202012Validator.check_schema(media["schema"])
                examples = [one["value"] for one in media.get("examples", {}).values()]
                examples += [media["example"]] if "example" in media else []
                for example in examples:
                    validator(media["schema"], document).validate(example)
                    checked += 1
    assert checked > 150


def test_every_request_body_of_the_documentation_is_one_that_is_checked(
    service: HttpService,
) -> None:
    schemas = openapi_document(service.routes)["components"]["schemas"]
    for _, _, described in operations(service.routes):
        for kind in (described.body, described.query):
            if kind is not None:
                assert issubclass(kind, Fields)
                assert kind.__name__ in schemas


async def test_what_a_body_must_have_is_what_the_documentation_requires(
    service: HttpService,
) -> None:
    admin = await service.admin()
    document = openapi_document(service.routes)
    seen = 0
    for name, call in calls(document):
        if "requestBody" not in call:
            continue
        method, path = name.split(" ")
        filled = re.sub(r"\{\w+\}", "0193f3d0-0000-7000-8000-000000000009", path)
        response = await admin.call(method, filled.removeprefix("/api"), {})
        reference = call["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
        required = schema.get("required", [])
        if required:
            complaints = {
                error["path"] for error in refused(response, 400, "validation_failed")["errors"]
            }
            assert complaints == set(required), name
            seen += 1
    assert seen == 20
