"""Whether a target may be asked: its circuit breaker, its cooldowns, its slow start, and whose fault a failure is."""
