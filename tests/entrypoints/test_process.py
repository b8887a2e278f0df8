"""How a process ends: when it is told to, in order, and come what may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qure.entrypoints.process.running import interrupts_wait

HANGS = """
import os, threading, time
from qure.entrypoints.process import running as process
process.END_WITHIN_SECONDS = 0.5
with process.ending_on_signals(lambda sign: os.write(1, b"told\\n")):
    threading.Thread(target=time.sleep, args=(60,)).start()
    os.write(1, b"ready\\n")
    time.sleep(60)
"""
"""It writes unbuffered: the signal may come while it is still saying that it is ready."""


def test_what_hangs_is_aborted(alone: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        one.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert one.stdout.readline() == "told\n"
        assert one.wait(20) == 1
        assert time.monotonic() - began < 10


def test_an_interrupt_waits_for_the_end_of_what_must_not_be_cut_in_two() -> None:
    done = False
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # other tests leave theirs
    with pytest.raises(KeyboardInterrupt), interrupts_wait():
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert done
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_a_second_interrupt_does_not_wait() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), interrupts_wait():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert not done
