"""Health of targets: circuit breaker, cooldowns, slow start, and doubts whether a failure was the request's fault."""
