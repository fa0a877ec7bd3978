"""What is told of calls and targets to logs, observers and operators, without harm to either."""
