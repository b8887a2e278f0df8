"""Where tests and the servers that they start write: into memory, if the machine has room for it.

Making a database is making three hundred files, which takes ten times as long on a disk; and a
disk that others keep busy makes a service wait that is told to have written.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30
"""Several times what a run of all tests leaves behind."""


def write_into_memory() -> None:
    """For this process and those that it starts, unless a TMPDIR is given."""
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # It is looked up again.


def _has_room(folder: Path) -> bool:
    """Whether that much fits in, and what is written there may be run: some tests make programs."""
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free >= ROOM_BYTES
