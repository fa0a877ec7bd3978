"""One file a dialect: pure functions between the neutral request, the wire, and the neutral events."""
