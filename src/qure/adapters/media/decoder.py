"""The process that unpacks one image, and ends.

``python -m qure.adapters.media.decoder check|fit PIXELS CPU_SECONDS MEMORY_BYTES`` reads the
image from its standard input. Exit status 0: the result is on its standard output; 3: the
image is refused, and a sentence there says why. Whatever unpacking does to it (a signal, for a
limit that was passed or a fault in a decoder) is the image's fault; 1 is not, then it could not
start.
"""

from __future__ import annotations

import os
import resource
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from qure.adapters.media.decoding import Refused, check, fit

REFUSED = 3

_NICENESS = 5
WORK: dict[str, Callable[..., bytes]] = {"check": check, "fit": fit}


def main() -> int:
    """Do what the arguments say; the exit status."""
    action, max_pixels, cpu_seconds, memory_bytes = sys.argv[1], *map(int, sys.argv[2:5])
    _take_little(cpu_seconds, memory_bytes)
    threading.Thread(target=_end_when_nobody_reads, daemon=True).start()
    try:
        answer, status = WORK[action](sys.stdin.buffer.read(), max_pixels=max_pixels), 0
    except Refused as refusal:
        answer, status = str(refusal).encode(), REFUSED
    except MemoryError:
        answer, status = b"The picture takes too much memory to read.", REFUSED
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return status


def _take_little(cpu_seconds: int, memory_bytes: int) -> None:
    """Bounds that the system watches over, as far as it has them (macOS: not the memory)."""
    os.nice(_NICENESS)  # logins and statuses go first
    limits = {
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),  # SIGXCPU, then SIGKILL
        resource.RLIMIT_DATA: (memory_bytes, memory_bytes),
        resource.RLIMIT_CORE: (0, 0),
    }
    for limit, most in limits.items():
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, most)
    # Should memory run out all the same, this process is the one to be ended, not the service.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _end_when_nobody_reads() -> None:
    """End with the service, also when it is killed: its end of the pipe is closed then."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # 0: what is always told, errors and hanging up
    poll.poll()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
