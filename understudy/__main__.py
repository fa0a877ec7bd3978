"""`python -m understudy`: the same as the command `understudy`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
