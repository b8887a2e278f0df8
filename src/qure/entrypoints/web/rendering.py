"""Pages as HTML: a template, in a language, with what its modules need to start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from qure.entrypoints.version import VERSION
from qure.entrypoints.web.assets import assets
from qure.entrypoints.web.languages import CODES, Language, language

_HARMLESS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True, slots=True)
class Page:
    """``templates/<name>.html``, with ``static/<name>/<name>.js`` and ``.css`` if they are there.

    ``sections`` are those of the catalogue that it has besides the shared ones and its own. One
    that ``calls_aloud`` has what is said of a call in every language: a clinic speaks several. One
    that ``asks_for_the_place`` may ask the device where it is.
    """

    name: str
    sections: tuple[str, ...] = ()
    calls_aloud: bool = False
    asks_for_the_place: bool = False

    @property
    def module(self) -> str:
        """Its entry module."""
        return f"{self.name}/{self.name}.js"

    @property
    def scripts(self) -> tuple[str, ...]:
        """All modules that it loads, its own first."""
        return assets().modules(self.module)

    @property
    def styles(self) -> tuple[str, ...]:
        """All style sheets that it loads."""
        own = f"{self.name}/{self.name}.css"
        return ("qure.css", *([own] if own in assets().files else []))


def render(page: Page, spoken: Language, **known: Any) -> bytes:
    """The page in that language. ``data`` among what is known is handed to its modules as JSON."""
    messages = spoken.messages_for(page.name, *page.sections)
    if page.calls_aloud:
        messages["voice"] = _voices()
    html = (
        _templates()
        .get_template(f"{page.name}.html")
        .render(
            page=page,
            language=spoken,
            languages=[language(code) for code in CODES],
            version=VERSION,
            say=spoken.say,
            asset=assets().address,
            messages=_as_json(messages),
            **{**known, "data": _as_json(known["data"]) if "data" in known else None},
        )
    )
    return html.encode()


@cache
def _voices() -> dict[str, str]:
    texts = {}
    for code in CODES:
        spoken = language(code)
        texts[f"desk_{code}"] = spoken.say("voice", "desk", label="{label}", desk="{desk}")
        texts[f"no_desk_{code}"] = spoken.say("voice", "no_desk", label="{label}")
    return texts


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("qure.entrypoints.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _as_json(value: Mapping[str, Any]) -> Markup:
    """For a data block: no character in it can end the block or begin a tag."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup("".join(_HARMLESS.get(one, one) for one in text))
