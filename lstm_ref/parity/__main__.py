"""`python -m lstm_ref.parity run|judge|report`: the judge's part of `lstm-parity`."""

import sys

from lstm_ref.__main__ import main

if __name__ == "__main__":
    sys.exit(main(judge_only=True))
