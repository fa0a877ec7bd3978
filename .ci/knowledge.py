"""Tell which knowledge of models is old: a line for each provider, and never a failure.

python .ci/knowledge.py [DAY]     as of today, or of a day like 2026-11-30
"""

import sys
from collections import Counter
from datetime import date

from standby.providers.knowledge import OLD_AFTER, older_than


def told(today: date) -> list[str]:
    """One line for each provider of which some facts are old, the most first."""
    old = Counter[str]()
    oldest: dict[str, date] = {}
    for provider, fact in older_than(today - OLD_AFTER):
        old[provider] += 1
        oldest[provider] = min(fact.seen, oldest.get(provider, fact.seen))
    return [
        f"knowledge: {number} facts of {provider} were looked up more than {OLD_AFTER.days} days ago, the oldest on"
        f" {oldest[provider]}; see providers/knowledge/{provider}.toml"
        for provider, number in old.most_common()
    ]


if __name__ == "__main__":
    day = date.fromisoformat(sys.argv[1]) if sys.argv[1:] else date.today()  # noqa: DTZ011 - a day is exact enough
    for line in told(day):
        print(line)
