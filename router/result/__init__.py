"""What a call comes to: the answer, the report, and the exceptions that carry it."""
