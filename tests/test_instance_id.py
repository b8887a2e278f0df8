"""A process's mark: a word, or its own number in a network."""

from __future__ import annotations

import pytest

from qure.settings import SettingsError, load_settings


def mark(text: str) -> str:
    return load_settings({"QURE_PROCESS_MARK": text}, env_file=None).instance_id


def test_a_process_has_no_mark_unless_it_is_given_one() -> None:
    assert load_settings({}, env_file=None).instance_id == ""


@pytest.mark.parametrize("word", ["a", "m", "1", "Machine2", "x" * 16])
def test_a_word_is_taken_as_it_is(word: str) -> None:
    assert mark(word) == word


def test_in_a_network_it_is_the_number_of_the_machine_there() -> None:
    assert mark("127.0.0.0/24") == "1"
    assert mark("127.0.0.1/32") == "0"


def test_a_machine_that_is_not_in_the_network_is_told_so() -> None:
    # TEST-NET-3 (RFC 5737): nobody has an address in it.
    with pytest.raises(SettingsError, match=r"^QURE_PROCESS_MARK names the network 203\.0\.113\.0"):
        mark("203.0.113.0/24")


@pytest.mark.parametrize(
    "wrong",
    [
        "x" * 17,
        "a.b",  # a dot ends the mark
        "a b",
        "ä",
        "127.0.0.0/16",  # more than a last octet
        "127.0.0.5/24",  # an address and no network
        "::1/128",
        "evil.example/24",
    ],
)
def test_what_a_proxy_could_not_look_up_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^QURE_PROCESS_MARK must be"):
        mark(wrong)
