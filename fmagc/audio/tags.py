"""Tags before and behind the audio of a file.

ID3v2: id3.org, version 2.4.0 section 3.1; an APEv2 tag has a header and a footer of 32 bytes, or the footer alone.
"""

from fmagc.audio.file_bytes import Bytes

__all__ = ["end_of_leading_tags", "only_tags", "start_of_trailing_tags"]

_ID3V1_BYTES = 128


def end_of_leading_tags(data: Bytes) -> int:
    """Find where the tags before the audio end: any number of ID3v2 tags, with or without footer, and APEv2 tags."""
    position = 0
    while (length := _tag_length(data, position)) > 0:
        position += length
    return min(position, len(data))


def start_of_trailing_tags(data: Bytes) -> int:
    """Find where ID3v1 and APEv2 tags after the audio begin."""
    end = len(data)
    while (length := _trailing_tag_length(data, end)) > 0:
        end -= length
    return max(0, end)


def only_tags(data: Bytes) -> bool:
    """Check whether a file holds only tags and zero bytes."""
    start, end = end_of_leading_tags(data), start_of_trailing_tags(data)
    tagged = start > 0 or end < len(data)
    return tagged and not data[start : max(start, end)].strip(b"\0")


def _tag_length(data: Bytes, position: int) -> int:
    """Measure the ID3v2 or APEv2 tag at a position, header and footer included; 0 where there is none."""
    head = data[position : position + 32]
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:  # the size is four groups of seven bits
        body = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return 10 + body + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) == 32:  # its size counts the footer but not the header
        return 32 + int.from_bytes(head[12:16], "little")
    return 0


def _trailing_tag_length(data: Bytes, end: int) -> int:
    """Measure the tag that ends at a position; 0 where there is none."""
    if end >= _ID3V1_BYTES and data[end - _ID3V1_BYTES : end - _ID3V1_BYTES + 3] == b"TAG":
        return _ID3V1_BYTES
    footer = data[max(0, end - 32) : max(0, end)]
    if footer[:8] == b"APETAGEX" and len(footer) == 32:
        has_header = 32 if footer[23] & 0x80 else 0
        return int.from_bytes(footer[12:16], "little") + has_header
    return 0
