"""The environment is read in one place, and a wrong setting is named in one sentence."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import pytest

from qure import settings as module
from qure.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / ".env.example"
VARIABLE = re.compile(r"PORT|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def load(**environment: str) -> Settings:
    return load_settings(environment, env_file=None)


def test_nothing_has_to_be_set() -> None:
    assert load() == Settings()
    assert Settings().sqlite_path == Path("data/qure.db")
    assert Settings().media_dir == Path("data/media")


def test_everything_can_be_set() -> None:
    found = load(
        PORT="8080",
        QURE_HOST="0.0.0.0",
        QURE_DATA_DIR="elsewhere",
        DATABASE_URL="postgresql://qure:secret@pooler:6432/qure",
        DATABASE_DIRECT_URL="postgresql://qure:secret@postgres/qure",
        QURE_DATABASE_POOL_SIZE="3",
        REDIS_URL="rediss://cache:6380/1",
        JWT_PRIVATE_KEY="private",
        JWT_PUBLIC_KEY="public",
        JWT_EXPIRES_IN="2h",
        CLOUDINARY_URL="cloudinary://key:secret@cloud",
        QURE_DEFAULT_TIMEZONE="Pacific/Apia",
        QURE_PUBLIC_URL="https://queue.example/",
        QURE_PROCESS_MARK="a7",
        QURE_TRUSTED_PROXIES="10.0.0.0/8, ::1",
        QURE_CORS_ORIGINS="https://app.example/,http://localhost:5173",
        QURE_MAX_IMAGE_BYTES="2048",
        QURE_MAX_CONNECTIONS_PER_USER="7",
        QURE_MAX_ACTIVE_TOKENS="2",
        QURE_REGISTRATIONS_PER_ADDRESS="500",
        QURE_MAX_EVENTS_PER_SECOND="50",
        QURE_DOCS="no",
        QURE_METRICS="0",
        QURE_ACCESS_LOG="Yes",
        QURE_LOG_LEVEL="debug",
        QURE_LOG_FORMAT="JSON",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318",
        QURE_ADMIN_PASSWORD="open sesame",
    )
    assert found == Settings(
        port=8080,
        host="0.0.0.0",
        data_dir=Path("elsewhere"),
        database_url="postgresql://qure:secret@pooler:6432/qure",
        database_direct_url="postgresql://qure:secret@postgres/qure",
        database_pool_size=3,
        redis_url="rediss://cache:6380/1",
        jwt_private_key="private",
        jwt_public_key="public",
        jwt_life=timedelta(hours=2),
        cloudinary_url="cloudinary://key:secret@cloud",
        default_timezone="Pacific/Apia",
        public_url="https://queue.example",
        instance_id="a7",
        trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1")),
        cors_origins=("https://app.example", "http://localhost:5173"),
        max_image_bytes=2048,
        max_connections_per_user=7,
        max_active_tokens=2,
        registrations_per_address=500,
        max_events_per_second=50,
        docs=False,
        metrics=False,
        access_log=True,
        log_level="DEBUG",
        log_format="json",
        otlp_endpoint="http://collector:4318",
        admin_password="open sesame",
    )


@pytest.mark.parametrize(
    ("text", "life"),
    [
        ("900", timedelta(minutes=15)),
        ("45s", timedelta(seconds=45)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
        ("365d", timedelta(days=365)),
    ],
)
def test_a_life_is_a_number_of_seconds_or_has_a_unit(text: str, life: timedelta) -> None:
    assert load(JWT_EXPIRES_IN=text).jwt_life == life


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "３０００"),
        ("DATABASE_URL", "mysql://host/qure"),
        ("DATABASE_URL", "qure"),
        ("DATABASE_DIRECT_URL", "postgresql://"),
        ("QURE_DATABASE_POOL_SIZE", "0"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://host:port"),
        ("JWT_EXPIRES_IN", "soon"),
        ("JWT_EXPIRES_IN", "0"),
        ("JWT_EXPIRES_IN", "366d"),
        ("CLOUDINARY_URL", "https://cloudinary.example"),
        ("CLOUDINARY_URL", "cloudinary://cloud"),
        ("QURE_DEFAULT_TIMEZONE", "Atlantis/Capital"),
        ("QURE_PUBLIC_URL", "queue.example"),
        ("QURE_PROCESS_MARK", "not a word"),
        ("QURE_PROCESS_MARK", "10.0.0.0/8"),
        ("QURE_TRUSTED_PROXIES", "10.0.0.0/8,nginx"),
        ("QURE_CORS_ORIGINS", "https://app.example/page"),
        ("QURE_CORS_ORIGINS", "app.example"),
        ("QURE_MAX_IMAGE_BYTES", "1"),
        ("QURE_MAX_CONNECTIONS_PER_USER", "many"),
        ("QURE_MAX_ACTIVE_TOKENS", "0"),
        ("QURE_REGISTRATIONS_PER_ADDRESS", "0"),
        ("QURE_MAX_EVENTS_PER_SECOND", "0"),
        ("QURE_DOCS", "maybe"),
        ("QURE_METRICS", "2"),
        ("QURE_ACCESS_LOG", "quite"),
        ("QURE_LOG_LEVEL", "LOUD"),
        ("QURE_LOG_FORMAT", "xml"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(**{name: value})
    sentence = str(raised.value)
    assert sentence.startswith(f"{name} ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"JWT_PRIVATE_KEY": "x"}, "JWT_PUBLIC_KEY"),
        ({"JWT_PUBLIC_KEY": "x"}, "JWT_PRIVATE_KEY"),
        ({"CLOUDINARY_CLOUD_NAME": "c", "CLOUDINARY_API_KEY": "k"}, "CLOUDINARY_API_SECRET"),
        ({"CLOUDINARY_API_SECRET": "s", "CLOUDINARY_API_KEY": "k"}, "CLOUDINARY_CLOUD_NAME"),
        ({"CLOUDINARY_CLOUD_NAME": "c", "CLOUDINARY_API_SECRET": "s"}, "CLOUDINARY_API_KEY"),
    ],
)
def test_what_is_half_given_is_named(given: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=f"^{missing} is not set"):
        load(**given)


def test_no_sentence_repeats_a_secret() -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "CLOUDINARY_URL"):
        with pytest.raises(SettingsError) as raised:
            load(**{name: "ftp://user:hunter2@host"})
        assert "hunter2" not in str(raised.value)


def test_the_parts_of_cloudinary_make_its_url() -> None:
    found = load(
        CLOUDINARY_CLOUD_NAME="cloud", CLOUDINARY_API_KEY="key", CLOUDINARY_API_SECRET="secret"
    )
    assert found.cloudinary_url == "cloudinary://key:secret@cloud"


def test_migrations_use_the_same_database_unless_told() -> None:
    found = load(DATABASE_URL="postgresql://host/qure")
    assert found.database_direct_url == "postgresql://host/qure"


def test_a_process_may_be_marked_by_its_own_number_in_a_network() -> None:
    assert load(QURE_PROCESS_MARK="127.0.0.0/24").instance_id == "1"
    with pytest.raises(SettingsError, match=r"^QURE_PROCESS_MARK names the network"):
        load(QURE_PROCESS_MARK="240.0.0.0/24")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(PORT="", DATABASE_URL="  ") == Settings()


def test_the_environment_counts_for_more_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=4000\nQURE_HOST=0.0.0.0\n")
    found = load_settings({"PORT": "5000"}, env_file=file)
    assert (found.port, found.host) == (5000, "0.0.0.0")


def test_the_real_environment_and_the_file_here_are_read_when_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("QURE_LOG_LEVEL=ERROR\nPORT=4000\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "4001")
    found = load_settings()
    assert (found.port, found.log_level) == (4001, "ERROR")


# --- .env.example ---


def variables_read() -> set[str]:
    """Every name of a variable that the text of settings.py mentions."""
    tree = ast.parse(Path(module.__file__).read_text())
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and VARIABLE.fullmatch(text)}


def variables_of_compose() -> set[str]:
    """What compose.yaml takes from .env for itself."""
    compose = ROOT / "compose.yaml"
    return set(re.findall(r"\$\{([A-Z0-9_]+)", compose.read_text())) if compose.exists() else set()


def examples() -> dict[str, tuple[str, str]]:
    """Name to its default and the line before it."""
    lines = EXAMPLE.read_text().splitlines()
    found: dict[str, tuple[str, str]] = {}
    for before, line in pairwise(lines):
        match = re.fullmatch(rf"(?:# )?({VARIABLE.pattern})=(.*)", line)
        if match:
            assert match[1] not in found, f"{match[1]} is there twice"
            found[match[1]] = (match[2], before)
    return found


def test_the_example_names_every_setting_and_no_other() -> None:
    read, shown = variables_read(), set(examples())
    assert read - shown == set()
    assert shown - read - variables_of_compose() == set()


def test_the_example_says_each_default_truly() -> None:
    defaults = {name: value for name, (value, _) in examples().items() if name in variables_read()}
    assert load(**defaults) == Settings()
    assert {name for name, value in defaults.items() if value} == {
        "PORT",
        "QURE_HOST",
        "QURE_DATA_DIR",
        "QURE_DATABASE_POOL_SIZE",
        "JWT_EXPIRES_IN",
        "QURE_MAX_IMAGE_BYTES",
        "QURE_DEFAULT_TIMEZONE",
        "QURE_MAX_CONNECTIONS_PER_USER",
        "QURE_MAX_ACTIVE_TOKENS",
        "QURE_REGISTRATIONS_PER_ADDRESS",
        "QURE_MAX_EVENTS_PER_SECOND",
        "QURE_DOCS",
        "QURE_METRICS",
        "QURE_ACCESS_LOG",
        "QURE_LOG_LEVEL",
        "QURE_LOG_FORMAT",
    }


def test_the_example_explains_each_setting_in_the_line_before_it() -> None:
    for name, (_, before) in examples().items():
        assert re.fullmatch(r"# \w.{10,}", before), f"{name} has no explanation"


def test_the_example_taken_as_it_is_changes_nothing() -> None:
    found = load_settings({}, env_file=EXAMPLE)
    assert found == Settings()
