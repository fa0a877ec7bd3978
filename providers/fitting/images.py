"""Images of a kind, a size or a number that a model does not take: refused, since nothing could stand for them."""

from ..messages import ChatRequest
from .facts import Facts
from .moves import Refusal


def fit_images(chat: ChatRequest, facts: Facts) -> Refusal | None:
    """Refuse images that the model or its server does not take."""
    known, lacks = facts.capabilities, facts.quirks.lacks
    count = 0
    for message in chat.messages:
        for image in message.images:
            count += 1
            if "images" in lacks or known.images is False:
                return Refusal("images")
            data = image.data
            if data is None:
                if "images by URL" in lacks:
                    return Refusal("images by URL")
                continue
            kind, text = data
            if known.image_types is not None and kind not in known.image_types:
                return Refusal(f"images other than {', '.join(name.partition('/')[2] for name in known.image_types)}")
            if known.image_bytes_max is not None and len(text) * 3 // 4 > known.image_bytes_max + 2:
                return Refusal(f"an image above {known.image_bytes_max} bytes")
    if known.images_max is not None and count > known.images_max:
        return Refusal(f"more than {known.images_max} images")
    return None
