"""Images, files and audio of a kind, a size or a number that a model does not take: refused."""

from ..messages import AudioPart, ChatRequest, FilePart, ImagePart, TextPart
from .facts import Facts
from .moves import Refusal


def fit_attachments(chat: ChatRequest, facts: Facts) -> Refusal | None:
    """Refuse what is sent along and the model or its server does not take."""
    images = 0
    for message in chat.messages:
        content = message.content
        if len(content) == 1 and type(content[0]) is TextPart:
            continue  # nearly always
        for part in content:
            match part:
                case ImagePart():
                    images += 1
                    refused = _image(part, facts)
                case FilePart():
                    refused = _too_large(part, facts.capabilities.file_bytes_max, "a file")
                case AudioPart():
                    refused = _other_kind(part, facts.capabilities.audio_types, "audio")
                case _:
                    continue
            if refused is not None:
                return refused
    most = facts.capabilities.images_max
    return Refusal(f"more than {most} images") if most is not None and images > most else None


def _image(image: ImagePart, facts: Facts) -> Refusal | None:
    known, lacks = facts.capabilities, facts.quirks.lacks
    if "images" in lacks or known.images is False:
        return Refusal("images")
    if image.data is None:
        return Refusal("images by URL") if "images by URL" in lacks else None
    return _other_kind(image, known.image_types, "images") or _too_large(image, known.image_bytes_max, "an image")


def _other_kind(part: ImagePart | AudioPart, kinds: tuple[str, ...] | None, what: str) -> Refusal | None:
    data = part.data
    if kinds is None or data is None or data[0] in kinds:
        return None
    return Refusal(f"{what} other than {', '.join(kind.partition('/')[2] for kind in kinds)}")


def _too_large(part: ImagePart | FilePart, most: int | None, what: str) -> Refusal | None:
    data = part.data
    if most is None or data is None or len(data[1]) * 3 // 4 <= most + 2:
        return None
    return Refusal(f"{what} above {most} bytes")
