"""From what a client sent to a request object, or every complaint about it at once.

A request is a msgspec struct whose fields carry their rules (``wire.fields``). Fields that the
struct does not know are ignored: nobody can set what they may not.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

import msgspec

from qure.domain.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field must be, as a sentence, and what its shape alone cannot say.

    ``check`` takes a value of the right shape and returns it in its normal form, or raises
    ``ValueError`` (``Because`` to replace the sentence). ``read`` comes before the shape: it
    opens text that may stand for an object.
    """

    sentence: str
    check: Callable[[Any], Any] | None = None
    read: Callable[[Any], Any] | None = None


class Because(ValueError):
    """A value is refused for a reason that needs a sentence of its own."""


class Fields(msgspec.Struct, rename="camel"):
    """What a client sends; ``IMAGES`` are file fields of its form, and how many each may hold."""

    IMAGES: ClassVar[Mapping[str, int]] = types.MappingProxyType({})

    def complaints(self) -> Iterator[FieldError]:
        """What is wrong between fields that are right by themselves."""
        return iter(())

    def present(self) -> dict[str, Any]:
        """What was not left out, by field; the images of a form are not among it."""
        return {
            name: value
            for name, value in msgspec.structs.asdict(self).items()
            if value is not msgspec.UNSET and name not in self.IMAGES
        }


RequestT = TypeVar("RequestT", bound=Fields)

_REQUIRED = "This field is required."
_NO_RULE = Rule("This field is not valid.")
_AT_PATH = re.compile(r"at `\$\.?([^`]*)`$")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    path: str
    type: Any
    rule: Rule
    nested: type[Fields] | None
    required: bool
    null_is_default: bool


def parse(
    request: type[RequestT], given: object, *, text: bool = False, prefix: str = ""
) -> RequestT:
    """``given`` as a ``request``. Raises ``Invalid`` that lists every bad field.

    ``text`` says that ``given`` came from a form or a query string: every value is text and is
    read as what the field is, and an empty one means null. Otherwise types are exact. A null for
    a field that may be left out, and whose default is a value, is as if it were left out.
    """
    if not isinstance(given, Mapping):
        raise Invalid.field(prefix.rstrip("."), "Send a JSON object.")
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for field in _plan(request):
        path = prefix + field.path
        value = given.get(field.path, msgspec.UNSET)
        if text and value == "":
            value = None
        if value is None and field.null_is_default:
            continue
        if value is msgspec.UNSET:
            if field.required:
                errors.append(FieldError(path, _REQUIRED))
            continue
        try:
            values[field.name] = _value(field, value, text=text, path=path)
        except Invalid as error:
            errors.extend(error.errors)
    if not errors:
        made = request(**values)
        errors = [FieldError(prefix + one.path, one.message) for one in made.complaints()]
        if not errors:
            return made
    raise Invalid(errors)


def _value(field: _Field, value: Any, *, text: bool, path: str) -> Any:
    try:
        if field.rule.read is not None:
            value = field.rule.read(value)
        if field.nested is not None and value is not None:
            return parse(field.nested, value, prefix=f"{path}.")
        value = msgspec.convert(value, field.type, strict=not text)
        if field.rule.check is not None and value is not None:
            value = field.rule.check(value)
    except msgspec.ValidationError as error:
        inside = _AT_PATH.search(str(error))
        # The third of a list is at `serviceIds.2`.
        within = inside[1].replace("[", ".").replace("]", "").strip(".") if inside else ""
        where = f"{path}.{within}" if within else path
        raise Invalid.field(where, field.rule.sentence) from error
    except Because as error:
        raise Invalid.field(path, str(error)) from error
    except ValueError as error:
        raise Invalid.field(path, field.rule.sentence) from error
    return value


@cache
def _plan(request: type[Fields]) -> tuple[_Field, ...]:
    return tuple(_field(info) for info in msgspec.structs.fields(request))


def _field(info: msgspec.structs.FieldInfo) -> _Field:
    shape = _without_unset(info.type)
    nested = next((one for one in _parts(shape) if _is_request(one)), None)
    rule = next((rule for one in _parts(shape) for rule in _rules(one)), _NO_RULE)
    has_default = info.default is not msgspec.NODEFAULT
    has_factory = info.default_factory is not msgspec.NODEFAULT
    return _Field(
        name=info.name,
        path=info.encode_name,
        type=shape,
        rule=rule,
        nested=nested,
        required=info.required,
        null_is_default=has_factory or (has_default and info.default is not msgspec.UNSET),
    )


def _without_unset(shape: Any) -> Any:
    if get_origin(shape) in (Union, types.UnionType):
        kept = tuple(one for one in get_args(shape) if one is not msgspec.UnsetType)
        return Union[kept]  # noqa: UP007 - built at run time
    return shape


def _parts(shape: Any) -> Iterator[Any]:
    """The shape itself, and every member of the unions and annotations in it."""
    yield shape
    if get_origin(shape) in (Union, types.UnionType, Annotated):
        for one in get_args(shape):
            yield from _parts(one)


def _rules(part: Any) -> Iterator[Rule]:
    if isinstance(part, msgspec.Meta) and part.extra and "rule" in part.extra:
        yield part.extra["rule"]


def _is_request(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Fields)
