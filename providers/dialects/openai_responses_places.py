"""Which item of a response an event is about: by its id, or by its place, which some servers give to all of them."""

from .openai_responses_said import KINDS_OF, Item, Said


class Places:
    """The items of one response, as they were met.

    Attributes:
        items: All of them, in the order in which they began.
        by_index: The provider's index -> the item that last had it.
        by_id: The same by the provider's id.
        shared: Items that are open have one place, so that only the id in a piece tells whose it is.
    """

    __slots__ = ("by_id", "by_index", "items", "shared")

    def __init__(self) -> None:
        self.items: list[Said] = []
        self.by_index: dict[int, Said] = {}
        self.by_id: dict[str, Said] = {}
        self.shared = False

    def of(self, index: int, item_id: str | None) -> int:
        """Where an item is that shares its place: at one that no server numbers, if its id is known."""
        item = self.by_id.get(item_id) if item_id else None
        if item is None:
            return index
        place = -1 - item.number
        self.by_index[place] = item
        return place

    def found(self, index: int, item: Item, *, whole: bool) -> Said:
        """What was said of an item: by its id, or at its place, where some servers number all items 0."""
        said = self.by_id.get(item.id) if item.id else None
        if said is None:
            said = self.by_index.get(index)
            other = said is not None and bool(item.id and said.id)
            taken = said is not None and ((said.type not in ("", item.type)) or (other and (said.whole or not whole)))
            if taken and said is not None and other and not said.whole:
                self.shared = True
            if said is None or taken:
                before, said = said, self.new(index)
                if before is not None and before.type != item.type:
                    said.parts = before.handed_over(KINDS_OF.get(item.type, ()))
        self.by_index[index] = said
        said.type = item.type
        if item.id:
            said.id = said.id or item.id
            self.by_id[item.id] = said
        return said

    def new(self, index: int | None = None) -> Said:
        """An item that was not met before."""
        said = Said(len(self.items))
        self.items.append(said)
        if index is not None:
            self.by_index[index] = said
        return said
