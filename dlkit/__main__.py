"""`python -m dlkit`: the learner's lessons, this machine, data, a service; for teachers: progress.

Python 3.8 must be able to read this file: `doctor` runs on any Python.
"""

from __future__ import annotations

import argparse
import sys

from dlkit import machine

NAMES = "mnist, cifar10, shakespeare, polarity, spoken or all"


def parser(*, only_doctor: bool = False) -> argparse.ArgumentParser:
    """The commands and their options."""
    description = (__doc__ or "").split("\n")[0].partition(": ")[2]
    top = argparse.ArgumentParser(
        prog=machine.python_command("-m", "dlkit"), description=description
    )
    commands = top.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser("doctor", help="is this machine ready for the course?")
    doctor.add_argument("--report", action="store_true", help="a report to paste into a forum")
    if only_doctor:
        return top
    from dlkit import lessons
    from dlkit.serving import commands as serving
    from dlkit.teaching import commands as teaching

    lessons.add_to(commands)
    data = commands.add_parser("data", help="fetch, verify or find the data sets")
    actions = data.add_subparsers(dest="action", required=True)
    fetch = actions.add_parser("fetch", help="download what is not here yet")
    fetch.add_argument("names", nargs="*", metavar="NAME", help=f"{NAMES} (default: mnist)")
    fetch.add_argument("--to", metavar="DIR", help="a folder: a stick, or a share for the class")
    verify = actions.add_parser("verify", help="verify every copy on this machine")
    where = actions.add_parser("where", help="show where is searched, and what is there")
    for action in (verify, where):
        action.add_argument("names", nargs="*", metavar="NAME", help=f"{NAMES} (default: all)")
    serving.add_to(commands)
    teaching.add_to(commands)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit status."""
    machine.print_anything()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["doctor"]:
        from dlkit.doctor import doctor

        return doctor(report=parser(only_doctor=True).parse_args(arguments).report)
    if sys.version_info[:2] < machine.OLDEST_PYTHON:
        version = ".".join(map(str, sys.version_info[:2]))
        return _not_with_this_python(arguments, f"the course does not run on Python {version}")
    try:
        return _run(arguments)
    except ModuleNotFoundError as error:
        if (error.name or "dlkit").split(".")[0] == "dlkit":
            raise
        return _not_with_this_python(arguments, f"this Python has no {error.name}")
    except KeyboardInterrupt:
        print("\ndlkit: stopped; nothing half-finished was left behind", file=sys.stderr)
        return 130


def _run(arguments):
    top = parser()
    if arguments[:1] == ["lab"]:
        from dlkit import lessons

        return lessons.lab(top.parse_known_args(arguments)[1])
    options = top.parse_args(arguments)
    if options.command == "fresh":
        from dlkit import lessons

        return lessons.run_fresh(options.lessons)
    if options.command == "serve":
        from dlkit.serving import commands as serving

        return serving.run(options)
    if options.command == "data":
        from dlkit.data import commands as data

        return data.run(options.action, options.names, getattr(options, "to", None))
    from dlkit.teaching import commands as teaching

    return teaching.run(options)


def _not_with_this_python(arguments, reason):
    """Says which command does what was asked for, or which one tells what is missing."""
    python = machine.course_python()
    if python and not machine.is_course_python():
        cure = f"Run {machine.dlkit_command(*arguments, python=python)}"
    else:
        cure = f"{machine.dlkit_command('doctor')} says what to do"
    print(f"dlkit: {reason}. {cure}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
