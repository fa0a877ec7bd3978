"""The decision core of a call, pure: which target is asked next, and how an answer that broke off goes on."""
