"""`python -m standby`: the same as the command `standby`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
