"""compose.yaml: by its schema, without a secret, and in the order that a start needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from qure.settings import load_settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "compose.yaml"

OURS = ("migrate", "api", "worker")
GIVEN = {"POSTGRES_PASSWORD": "given", "QURE_EDGE_NETWORK": "10.1.2"}


def interpolated(text: str, given: dict[str, str]) -> str:
    """As Compose fills in ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?why}``."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match[1], match[2], match[3]
        if given.get(name):
            return given[name]
        if operator == ":-":
            return str(rest)
        raise KeyError(f"{name} {rest or ''}")

    filled = re.sub(r"(?<!\$)\$\{([A-Z0-9_]+)(?:(:-|:\?)([^}]*))?\}", value, text)
    return filled.replace("$$", "$")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found = yaml.safe_load(interpolated(FILE.read_text(), GIVEN))
    assert isinstance(found, dict)
    return found


def test_it_is_a_compose_file_by_its_schema() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    found = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", FILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_it_starts_with_nothing_but_a_copy_of_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    given = dict(re.findall(r"^([A-Z0-9_]+)=(.+)$", example, re.MULTILINE))
    assert yaml.safe_load(interpolated(FILE.read_text(), given))["services"]


def test_without_a_password_it_says_what_to_do() -> None:
    with pytest.raises(KeyError, match=r"POSTGRES_PASSWORD.*copy \.env\.example"):
        interpolated(FILE.read_text(), {})


def test_there_is_no_secret_in_it() -> None:
    for line in FILE.read_text().splitlines():
        if re.search(r"password|secret|_key", line, re.IGNORECASE):
            assert "${POSTGRES_PASSWORD:?" in line, line


def test_only_nginx_is_published(compose: dict[str, Any]) -> None:
    published = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert published == {"nginx": ["8080:8080"]}


def test_one_image_is_migration_api_and_worker(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {services[name]["image"] for name in OURS} == {"qure:local"}
    assert [services[name]["command"][0] for name in OURS] == ["migrate", "serve", "worker"]


def test_nothing_serves_before_the_migration_has_succeeded(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("api", "worker"):
        needs = services[name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["postgres"]["condition"] == needs["redis"]["condition"] == "service_healthy"
    assert services["migrate"]["restart"] == "no"
    assert services["nginx"]["depends_on"]["api"]["condition"] == "service_healthy"


def test_everything_that_serves_is_started_again_and_looked_after(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for name, service in compose["services"].items():
        if name == "migrate":
            continue
        assert service["restart"] == "unless-stopped", name
        if name in OURS:
            assert "HEALTHCHECK" in dockerfile
            assert "healthcheck" not in service, name
            assert name == "api" or service["command"] == ["worker", "--port", "3000"]
        else:
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_what_must_outlive_a_container_is_in_a_volume(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], compose["volumes"]
    kept = {name: one["volumes"][0].split(":")[0] for name, one in services.items()}
    assert {name: kept[name] for name in ("postgres", "redis")} == {
        "postgres": "postgres",
        "redis": "redis",
    }
    # Signing keys and local pictures: the same for every replica.
    assert {kept[name] for name in OURS} == {"data"}
    assert set(volumes) == {"postgres", "redis", "data"}


def test_redis_keeps_jobs_through_a_restart_and_never_evicts_them(compose: dict[str, Any]) -> None:
    command = compose["services"]["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_a_stop_leaves_time_to_drain(compose: dict[str, Any]) -> None:
    for name in ("api", "worker"):
        assert int(compose["services"][name]["stop_grace_period"].removesuffix("s")) > 10


def test_our_containers_may_change_nothing_but_their_volume(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_settings_of_every_container_of_ours_are_lawful(compose: dict[str, Any]) -> None:
    for name in OURS:
        environment = dict(compose["services"][name]["environment"])
        if environment["QURE_PROCESS_MARK"]:
            # Only a container in that network has an address in it.
            assert environment["QURE_PROCESS_MARK"] == "10.1.2.0/24"
            environment["QURE_PROCESS_MARK"] = "127.0.0.0/24"
        settings = load_settings(environment, env_file=None)
        assert settings.redis_url == "redis://redis:6379/0"
        assert settings.database_url == "postgresql://qure:given@postgres:5432/qure"
        assert settings.database_direct_url == settings.database_url


def test_nothing_but_the_proxy_and_the_api_is_in_the_network_that_marks_lead_into(
    compose: dict[str, Any],
) -> None:
    members = {name for name, one in compose["services"].items() if "edge" in one["networks"]}
    assert members == {"nginx", "api"}
    subnet = compose["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    services = compose["services"]
    assert subnet == "10.1.2.0/24"
    assert services["nginx"]["environment"]["QURE_EDGE_NETWORK"] == "10.1.2"
    assert services["api"]["environment"]["QURE_PROCESS_MARK"] == subnet
    assert services["api"]["environment"]["QURE_TRUSTED_PROXIES"] == subnet


def test_every_file_that_is_mounted_is_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (ROOT / volume.split(":")[0]).is_file()
