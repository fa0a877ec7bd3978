"""The cost of standby, measured beside a hand-written loop and beside other routers; see README.md here."""
