"""Takes from this process, and from all that it starts, the ways to hide from the sandbox's limits.

A filter of system calls (seccomp, Linux on x86-64 and arm64) refuses: memory that belongs to no
file and need not be mapped (memfd_create, System V shared memory and messages), new namespaces and
mounts, rings that hold open files out of sight (io_uring), and hiding what a process has open
(PR_SET_DUMPABLE). It cannot be taken off again. It imports the standard library alone.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER_MODE = 4, 38, 22, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
NAMESPACES = 0x7E020000  # every CLONE_NEW… flag that clone takes
CLONE_FILES, CLONE_THREAD = 0x400, 0x10000
X32 = 0x40000000  # system calls of another size of pointers, on x86-64
# Numbers of the system calls: x86-64 from its own table, arm64 from the generic one. Those above
# 424 are the same everywhere.
X86_64 = {
    **{"memfd_create": 319, "shmget": 29, "msgget": 68, "mq_open": 240, "unshare": 272},
    **{"setns": 308, "mount": 165, "pivot_root": 155, "clone": 56, "prctl": 157},
}
ARM64 = {
    **{"memfd_create": 279, "shmget": 194, "msgget": 186, "mq_open": 180, "unshare": 97},
    **{"setns": 268, "mount": 40, "pivot_root": 41, "clone": 220, "prctl": 167},
}
EVERYWHERE = {
    **{"io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "clone3": 435},
    **{"memfd_secret": 447},
}
MACHINES = {"x86_64": (0xC000003E, X86_64), "aarch64": (0xC00000B7, ARM64)}


def close() -> str:
    """Install the filter in this process; "" or why there is none."""
    if sys.platform != "linux":
        return "no filter of system calls on this system"
    if platform.machine() not in MACHINES or struct.calcsize("P") != 8:
        return f"no filter of system calls for {platform.machine()}"
    program = _program(*MACHINES[platform.machine()])
    size = len(program) // 8
    text = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", size, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0),
        (PR_SET_SECCOMP, FILTER_MODE, ctypes.create_string_buffer(header, len(header))),
    ):
        if libc.prctl(*arguments, 0, 0) != 0:
            return f"no filter of system calls: {os.strerror(ctypes.get_errno())}"
    return ""


def _program(architecture, numbers):
    """The filter in the kernel's own language (classic BPF): 8 bytes for each instruction."""
    numbers = numbers | EVERYWHERE
    by_flags, absent = ("clone", "prctl"), ("clone3",)  # clone3: then the C library takes clone
    refused = [number for name, number in numbers.items() if name not in (*by_flags, *absent)]
    return b"".join(
        [
            _step(LOAD, ARCHITECTURE),
            _step(EQUAL, architecture, 1, 0),
            _step(RETURN, REFUSE | errno.EPERM),
            _step(LOAD, NUMBER),
            _step(AT_LEAST, X32, 0, 1),
            _step(RETURN, REFUSE | errno.ENOSYS),
            _step(EQUAL, numbers["clone3"], 0, 1),
            _step(RETURN, REFUSE | errno.ENOSYS),
            *(_step(EQUAL, n, 0, 1) + _step(RETURN, REFUSE | errno.EPERM) for n in refused),
            _step(EQUAL, numbers["clone"], 0, 6),
            _step(LOAD, FIRST_ARGUMENT),
            _step(ANY_BIT, NAMESPACES, 3, 0),
            # A thread with a table of open files of its own would hide them.
            _step(AND, CLONE_FILES | CLONE_THREAD),
            _step(EQUAL, CLONE_THREAD, 1, 0),
            _step(RETURN, ALLOW),
            _step(RETURN, REFUSE | errno.EPERM),
            _step(EQUAL, numbers["prctl"], 0, 3),
            _step(LOAD, FIRST_ARGUMENT),
            _step(EQUAL, PR_SET_DUMPABLE, 0, 1),
            _step(RETURN, REFUSE | errno.EPERM),
            _step(RETURN, ALLOW),
        ]
    )


def _step(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)
