"""The shell of a call: attempts, retries, hedges and clocks, as the core decides."""
