"""Limits of use: permits, queues, rates, token estimates, retry budgets and money."""
