"""Where a request comes from, and whom we believe about it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from qure.entrypoints.http.client_address import client_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def address(peer: str | None, *forwarded: str) -> str | None:
    scope = {
        "client": None if peer is None else (peer, 4711),
        "headers": [(b"x-forwarded-for", line.encode()) for line in forwarded],
    }
    return client_address(scope, TRUSTED)


def test_without_a_proxy_the_peer_is_the_client() -> None:
    assert address("203.0.113.7") == "203.0.113.7"
    assert address("2001:db8::1") == "2001:db8::1"


def test_a_peer_that_is_no_trusted_proxy_speaks_for_nobody_else() -> None:
    assert address("203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert address("127.0.0.1", "198.51.100.1") == "127.0.0.1"


def test_a_trusted_proxy_names_its_client() -> None:
    assert address("10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert address("fd00::1", "2001:db8::9") == "2001:db8::9"


def test_what_a_client_wrote_itself_is_left_of_the_truth_and_not_believed() -> None:
    assert address("10.0.0.1", "1.1.1.1, 10.9.9.9, 198.51.100.1") == "198.51.100.1"
    assert address("10.0.0.1", "10.0.0.7", "198.51.100.1") == "198.51.100.1"


def test_a_chain_of_trusted_proxies_is_followed() -> None:
    assert address("10.0.0.1", "198.51.100.1, 10.0.0.3, 10.0.0.2") == "198.51.100.1"
    assert address("10.0.0.1", "198.51.100.1", "10.0.0.2") == "198.51.100.1"


def test_when_all_are_trusted_the_leftmost_is_the_client() -> None:
    assert address("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3"


@pytest.mark.parametrize("junk", ["", "unknown", "_hidden", "1.2.3", "<script>", "1.1.1.1;x", ","])
def test_junk_ends_the_chain_at_the_last_hop_that_made_sense(junk: str) -> None:
    assert address("10.0.0.1", f"{junk}, 10.0.0.2") == "10.0.0.2"
    assert address("10.0.0.1", junk) == "10.0.0.1"


@pytest.mark.parametrize(
    ("hop", "meant"),
    [
        ("198.51.100.1:443", "198.51.100.1"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("fe80::1%eth0", "fe80::1"),
        (" 198.51.100.1 ", "198.51.100.1"),
    ],
)
def test_an_address_is_read_however_proxies_write_it(hop: str, meant: str) -> None:
    assert address("10.0.0.1", hop) == meant


def test_a_proxy_that_connects_over_a_mapped_address_is_the_same_proxy() -> None:
    assert address("::ffff:10.0.0.1", "198.51.100.1") == "198.51.100.1"


def test_a_connection_without_an_address_has_none() -> None:
    assert address(None, "198.51.100.1") is None
    assert address("", "198.51.100.1") is None
