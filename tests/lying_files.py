"""Picture files whose headers, directories, chunks and scans say other things than are there, drawn by hypothesis."""

import struct

import bombs
from hypothesis import strategies as st

ODD_16 = st.one_of(st.sampled_from([0, 1, 2, 3, 7, 0x112, 0x7FFF, 0x8000, 0xFFFF]), st.integers(0, 0xFFFF))
ODD_32 = st.one_of(
    st.sampled_from([0, 1, 4, 8, 100, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1]), st.integers(0, 2**32 - 1)
)
SIDES = st.one_of(st.integers(1, 70), st.sampled_from([0, 6_300, 13_200, 0xFFFF]))


def directory(order: str, entries: list[tuple[int, int, int, int]], start: int, count: int, tail: bytes) -> bytes:
    """A TIFF directory: its place and the number of its entries may be others than it says."""
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}I", start)
    body = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    return head + struct.pack(f"{order}H", count) + body + tail


TAGS = st.one_of(st.sampled_from([0x112, 0x8769, 0x8825, 0x0110, 256, 257, 273, 279]), ODD_16)
ENTRIES = st.lists(st.tuples(TAGS, ODD_16, ODD_32, ODD_32), max_size=12)
DIRECTORIES = st.builds(
    directory,
    st.sampled_from("<>"),
    ENTRIES,
    st.one_of(st.just(8), ODD_32),
    st.one_of(st.integers(0, 14), ODD_16),
    st.binary(max_size=80),
)
WITH_DIRECTORY = st.builds(
    lambda put, block: put(block),
    st.sampled_from([bombs.jpeg_with_exif, bombs.png_with_exif, bombs.webp_with_exif, lambda block: block]),
    DIRECTORIES,
)


def resized_jpeg(content: bytes, width: int, height: int) -> bytes:
    """A JPEG whose frame header says another size."""
    place = content.index(b"\xff\xc2") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


JPEGS = st.builds(
    resized_jpeg,
    st.one_of(
        st.builds(bombs.progressive_jpeg, st.integers(1, 70)),
        st.builds(bombs.jpeg_of_many_scans, st.integers(8, 70), st.integers(0, 130)),
    ),
    SIDES,
    SIDES,
)


def png(width: int, height: int, depth: int, colour: int, interlaced: int, packed: bytes, chunks: list, claimed: int):
    """A PNG whose header and last chunk may say anything."""
    head = bombs.png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    between = b"".join(bombs.png_chunk(kind, content) * times for kind, content, times in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + between + struct.pack(">I", claimed) + b"IDAT" + packed


PNGS = st.builds(
    png,
    st.one_of(SIDES, ODD_32),
    st.one_of(SIDES, ODD_32),
    st.sampled_from([1, 2, 4, 8, 16, 0, 255]),
    st.sampled_from([0, 2, 3, 4, 6, 1, 9]),
    st.sampled_from([0, 1]),
    st.one_of(st.just(bombs.packed(5_000)), st.binary(max_size=60)),
    st.lists(
        st.tuples(
            st.sampled_from([b"PLTE", b"tRNS", b"zTXt", b"iTXt", b"iCCP", b"acTL", b"fcTL", b"gAMA", b"prVt", b"eXIf"]),
            st.binary(max_size=40),
            st.sampled_from([1, 1, 1, 3, 60_000]),
        ),
        max_size=4,
    ),
    st.one_of(st.just(len(bombs.packed(5_000))), ODD_32),
)


def bmp(width: int, height: int, bits: int, compression: int, colours: int, start: int, rest: bytes) -> bytes:
    """A BMP whose header may say anything."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(rest), 0, 0, colours, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rest), 0, 0, start) + info + rest


SIGNED = st.one_of(SIDES, st.integers(-(2**31), 2**31 - 1))
BMPS = st.builds(
    bmp,
    SIGNED,
    SIGNED,
    st.sampled_from([1, 4, 8, 16, 24, 32, 0, 7]),
    st.sampled_from([0, 1, 2, 3, 4, 6]),
    st.one_of(st.sampled_from([0, 2, 256]), ODD_32),
    st.one_of(st.just(54), ODD_32),
    st.binary(max_size=3_000),
)


def gif(width: int, height: int, flags: int, frame: tuple[int, int, int, int], size: int, data: bytes, times: int):
    """A GIF whose screen, frame and blocks may not fit each other."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0) + bytes(3 * 2 ** ((flags & 7) + 1))
    comments = (b"\x21\xfe" + bytes((len(data),)) + data + b"\x00") * times
    return head + comments + b"," + struct.pack("<HHHHB", *frame, 0) + bytes((size, len(data))) + data + b"\x00;"


GIFS = st.builds(
    gif,
    ODD_16,
    ODD_16,
    st.integers(0, 255),
    st.tuples(ODD_16, ODD_16, ODD_16, ODD_16),
    st.integers(0, 12),
    st.binary(max_size=250),
    st.sampled_from([0, 1, 500]),
)
WEBPS = st.builds(
    lambda kind, header, rest: b"RIFF" + struct.pack("<I", len(rest) + 30) + b"WEBP" + kind + header + rest,
    st.sampled_from([b"VP8X", b"VP8L", b"VP8 "]),
    st.binary(min_size=18, max_size=18),
    st.one_of(st.binary(max_size=80), st.builds(lambda block: bombs.webp_with_exif(block)[12:], DIRECTORIES)),
)
LYING_FILES = st.one_of(WITH_DIRECTORY, JPEGS, PNGS, BMPS, GIFS, WEBPS)
