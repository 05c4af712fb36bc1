"""`python -m dlkit`: check this machine, prepare data, serve a model; for teachers: progress."""

import argparse
import sys

from dlkit.serving import commands as serving
from dlkit.teaching import commands as teaching

NAMES = "mnist, cifar10, shakespeare or all"


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m dlkit", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser("doctor", help="is this machine ready for the course?")
    doctor.add_argument("--report", action="store_true", help="a report to paste into a forum")
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
    options = parser().parse_args(arguments)
    if options.command == "doctor":
        from dlkit.doctor import doctor

        return doctor(report=options.report)
    try:
        if options.command == "serve":
            return serving.run(options)
        if options.command != "data":
            return teaching.run(options)
        from dlkit.data import commands

        return commands.run(options.action, options.names, getattr(options, "to", None))
    except KeyboardInterrupt:
        print("\ndlkit: stopped; nothing half-finished was left behind", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
