"""`python -m lstm_ref.parity run|report`: what the nox sessions call."""

import argparse
import sys
from pathlib import Path

from lstm_ref.parity.supervise import supervise

TIME_LIMIT = 600
LONG_TIME_LIMIT = 4 * 3600


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lstm_ref.parity", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the checks of one backend in their own process")
    run.add_argument("backend")
    run.add_argument("--time-limit", type=float,
                     help=f"seconds (default: {TIME_LIMIT}, or {LONG_TIME_LIMIT} with --long)")
    report = commands.add_parser("report", help="merge and print the results of backends")
    report.add_argument("backends", nargs="+")
    for command in (run, report):
        command.add_argument("--build", type=Path, default=Path("build/parity"), help="folder of the report's files")
    options, rest = parser.parse_known_args()
    rest = [argument for argument in rest if argument != "--"]
    if options.command == "report":
        if rest:
            parser.error(f"unknown arguments: {' '.join(rest)}")
        from lstm_ref.parity.report import merge  # not needed, nor what it imports, to run a backend

        return 0 if merge(options.backends, options.build) else 1
    limit = options.time_limit or (LONG_TIME_LIMIT if "--long" in rest else TIME_LIMIT)
    return 0 if supervise(options.backend, options.build, limit, rest) else 1


if __name__ == "__main__":
    sys.exit(main())
