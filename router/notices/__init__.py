"""Notices of calls and targets to logs, observers and operators, which cannot harm the calls."""
