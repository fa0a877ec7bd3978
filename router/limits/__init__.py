"""How much may be used: permits, queues, rates, token estimates, retry budgets and money."""
