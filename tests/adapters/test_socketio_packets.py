"""What python-socketio's clients write is read as they meant it; what is none is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio.packet import Packet as TheirPacket

from qure.adapters.sockets import socketio_packets
from qure.adapters.sockets.socketio_packets import MAX_ATTACHMENTS, decode

SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=12)
PARTS = st.binary(max_size=6)
NAMES = st.text(max_size=8).filter(lambda name: name not in ("_placeholder", "num"))


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=4,
    )


def read(written: str | list[str | bytes]) -> socketio_packets.Packet:
    text, *parts = [written] if isinstance(written, str) else written
    assert isinstance(text, str)
    packet = decode(text)
    for part in parts:
        assert isinstance(part, bytes)
        packet.add(part)
    return packet


@given(
    st.lists(trees(SCALARS), max_size=3) | st.lists(SCALARS | PARTS, max_size=MAX_ATTACHMENTS),
    st.none() | st.integers(0, 10**20),
    st.sampled_from(["/", "/admin"]),
)
def test_an_event_arrives_as_it_was_sent(
    arguments: list[Any], id: int | None, namespace: str
) -> None:
    sent = TheirPacket(socketio_packets.EVENT, ["name", *arguments], namespace=namespace, id=id)
    packet = read(sent.encode())
    assert packet.kind == sent.packet_type
    assert (packet.namespace, packet.id, packet.data) == (namespace, id, ["name", *arguments])
    assert packet.parts_to_come == 0


def test_a_namespace_is_named_without_its_query() -> None:
    assert decode("0/admin?token=x,{}").namespace == "/admin"
    assert decode("0/admin").namespace == "/admin"
    assert decode('0{"token":"x"}').data == {"token": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "7",
        "2[",
        "5[]",
        "50-[]",
        "599-[]",
        "2" + "1" * 101,
        f"2[{'1' * 101}]",
        "2" * 12 + "-",
    ],
)
def test_what_is_no_packet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)


def test_a_part_that_belongs_nowhere_is_refused() -> None:
    packet = decode('51-["name",{"_placeholder":true,"num":7}]')
    with pytest.raises(LookupError):
        packet.add(b"part")
