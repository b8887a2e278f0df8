"""docs/token-life.md draws the table that decides, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from qure.domain.token import ACTIVE, LAWFUL_MOVES, Move, TokenStatus

PAGE = (Path(__file__).parents[2] / "docs" / "token-life.md").read_text(encoding="utf-8")

LAWFUL = {(move, *way) for move, ways in LAWFUL_MOVES.items() for way in ways.items()}


def drawn() -> list[tuple[str, str, list[str]]]:
    """Every edge of the diagram: from, to, and the words on it."""
    (diagram,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", PAGE, flags=re.DOTALL)
    edges = []
    for line in diagram.splitlines():
        match = re.fullmatch(r"    (\S+) --> ([^\s:]+)(?:: (.+))?", line)
        assert match is not None, line
        start, end, words = match.groups()
        edges.append((start, end, words.split(", ") if words else []))
    return edges


def move_called(word: str) -> Move:
    return Move(word.upper().replace(" ", "_"))


def test_the_edges_of_the_diagram_are_the_lawful_moves() -> None:
    edges = [
        (move_called(word), TokenStatus(start), TokenStatus(end))
        for start, end, words in drawn()
        if "[*]" not in (start, end)
        for word in words
    ]
    assert set(edges) == LAWFUL
    assert len(edges) == len(LAWFUL), "no edge is drawn twice"


def test_a_life_begins_with_waiting_and_ends_where_a_token_is_active_no_more() -> None:
    beginnings = [(end, words) for start, end, words in drawn() if start == "[*]"]
    endings = {TokenStatus(start) for start, end, _ in drawn() if end == "[*]"}
    assert beginnings == [("WAITING", ["issue"])]
    assert endings == set(TokenStatus) - ACTIVE


def test_the_table_has_a_row_for_each_move_with_where_it_leads() -> None:
    rows = re.findall(
        r"^\| `([a-z ]+)` \| [^|]+ \| ([A-Z_, ]+) \| ([A-Z_]+) \|", PAGE, re.MULTILINE
    )
    ways = [
        (move_called(word), TokenStatus(start), TokenStatus(end))
        for word, starts, end in rows
        for start in starts.split(", ")
    ]
    assert set(ways) == LAWFUL
    assert len(ways) == len(LAWFUL)
