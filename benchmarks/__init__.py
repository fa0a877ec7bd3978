"""What standby costs, measured beside a hand-written loop and beside what else there is; see README.md here."""
