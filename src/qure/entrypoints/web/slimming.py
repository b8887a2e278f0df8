"""What readers of the source need and browsers do not: comments, and how lines are indented.

No tool and no step of building: what is left is the same program, line by line.
"""

from __future__ import annotations

import re

_JSDOC = re.compile(r"/\*\*(?:(?!\*/).)*\*/[ \t]*", re.DOTALL)
_STYLE_COMMENT = re.compile(r"/\*(?:(?!\*/).)*\*/", re.DOTALL)
_COMMENT_LINE = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
_MARGIN = re.compile(r"^\s+", re.MULTILINE)


def slim_script(text: str) -> str:
    """A module without its JSDoc and lines of comment.

    It may have no text over several lines, and no ``/**`` in a text: a test holds ours to that.
    """
    return _MARGIN.sub("", _COMMENT_LINE.sub("", _JSDOC.sub("", text)))


def slim_style(text: str) -> str:
    """A style sheet without its comments."""
    return _MARGIN.sub("", _STYLE_COMMENT.sub("", text))
