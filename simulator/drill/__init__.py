"""The user's own drill: a route under a scenario of outages, in virtual time."""
