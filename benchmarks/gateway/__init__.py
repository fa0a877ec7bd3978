"""What the gateway costs, beside others: processes of their own, between an upstream and a load generator in C."""
