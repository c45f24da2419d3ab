"""Become another program that the kernel kills when the thread that started it ends (Linux).

    python tether.py PARENT_PID PROGRAM [ARGUMENT...]

A program of its own, run between fork and exec: code in `preexec_fn` may deadlock where the
parent has threads.  It imports nothing of ours so that it starts in some 15 ms.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Tie this process to its parent, then become PROGRAM."""
    parent_pid, program, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == int(parent_pid):  # else the parent died before the tie was made
        os.execv(program, [program, *arguments])  # noqa: S606  (no shell: that is the point)


if __name__ == "__main__":
    main()
