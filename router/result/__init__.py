"""The result of a call: the answer, the report, and the exceptions that carry it."""
