"""Image files that are small to send and large, or slow, to decode: built here, so that none is in the repository."""

import io
import struct
import zlib

from PIL import Image

BIG = 23_900_000  # bytes; a little less than an upload may have


def directory(entries: int, claimed: int) -> bytes:
    """A TIFF directory whose `entries` all claim the same `claimed` bytes; Pillow copies them for each."""
    start = 8 + claimed
    tags = b"".join(struct.pack("<HHII", 0x8000 + i % 0x7000, 1, claimed, 8) for i in range(entries))
    return b"II*\x00" + struct.pack("<I", start) + bytes(claimed) + struct.pack("<H", entries) + tags + bytes(4)


def jpeg_with_exif(block: bytes) -> bytes:
    """A small JPEG with an EXIF block, which is spread over as many segments as it takes."""
    parts = [block[i : i + 65_000] for i in range(0, len(block), 65_000)]
    segments = (b"\xff\xe1" + struct.pack(">H", len(part) + 8) + b"Exif\x00\x00" + part for part in parts)
    return b"\xff\xd8" + b"".join(segments) + _saved("JPEG")[2:]


def png_with_exif(block: bytes) -> bytes:
    """A small PNG with an EXIF block."""
    whole = _saved("PNG")
    return whole[:33] + png_chunk(b"eXIf", block) + whole[33:]


def webp_with_exif(block: bytes) -> bytes:
    """A small WebP with an EXIF block."""
    return _saved("WEBP", exif=b"Exif\x00\x00" + block)


def tiff_with_directory(entries: int, claimed: int) -> bytes:
    """A TIFF of one pixel with such a directory."""
    wanted = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}
    found = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in wanted.items())
    tags = b"".join(struct.pack("<HHII", 0x8000 + i, 1, claimed, 8) for i in range(entries))
    count = struct.pack("<H", len(wanted) + entries)
    return b"II*\x00" + struct.pack("<I", 8 + claimed) + bytes(claimed) + count + found + tags + bytes(4)


def progressive_jpeg(side: int) -> bytes:
    """A progressive JPEG of one shade in full colour resolution: libjpeg holds six bytes for each of its pixels."""
    blocks = -(-side // 8)
    scan = _segment(0xDA, b"\x03" + b"\x01\x00\x02\x00\x03\x00" + b"\x00\x00\x00")
    return _jpeg_head(side, side, 3) + scan + bytes(-(-3 * blocks * blocks // 8)) + b"\xff\xd9"


def jpeg_of_many_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG of which each scan says of all its blocks, in a few bytes, that nothing changes."""
    blocks = (-(-side // 8)) ** 2
    first = _segment(0xDA, b"\x01\x01\x00" + b"\x00\x00\x00") + bytes(-(-blocks // 8))
    runs = -(-blocks // 32_767)
    empty = _segment(0xDA, b"\x01\x01\x00" + b"\x01\x3f\x00") + _bits("0" + "1" * 14, runs)
    return _jpeg_head(side, side, 1) + first + empty * scans + b"\xff\xd9"


def jpeg_of_fill_bytes(size: int = BIG) -> bytes:
    """A JPEG header of nothing but fill bytes, which Pillow reads one by one."""
    return b"\xff\xd8\xff\xe0\x00\x04ab" + b"\xff" * (size - 8)


def jpeg_of_many_segments(size: int = BIG) -> bytes:
    """Millions of empty segments, of each of which Pillow keeps a note."""
    return b"\xff\xd8" + b"\xff\xe5\x00\x02" * (size // 4) + _saved("JPEG")[2:]


def png_of_many_chunks(size: int = BIG) -> bytes:
    """Nearly two million empty chunks."""
    whole = _saved("PNG")
    return whole[:33] + png_chunk(b"prVt", b"") * (size // 12) + whole[33:]


def bmp_of_runs(size: int = BIG) -> bytes:
    """A run-length encoded BMP, which Pillow decodes in Python."""
    width, height = 6_000, 6_000
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, size, 0, 0, 256, 0)
    palette = b"".join(bytes((i, i, i, 0)) for i in range(256))
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + size, 0, 0, start) + info + palette + b"\x01\x07" * (size // 2)


def flat(kind: str, mode: str, width: int, height: int, **options) -> bytes:
    """A picture of one shade: the smallest file for its size."""
    content = io.BytesIO()
    Image.new(mode, (width, height)).save(content, kind, **options)
    return content.getvalue()


def png_of_one_shade(width: int, height: int, colour_type: int, bits: int = 8, size: int = 0) -> bytes:
    """A PNG made row by row, so that whoever builds it needs no memory for its pixels; `size` pads the file."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    row, packer = bytes(1 + width * channels * bits // 8), zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = [png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0))]
    if colour_type == 3:
        chunks += [png_chunk(b"PLTE", bytes(768)), png_chunk(b"tRNS", bytes(range(256)))]
    if size:
        chunks.append(png_chunk(b"prVt", bytes(max(0, size - len(packed) - 2_000))))
    return b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, png_chunk(b"IDAT", packed), png_chunk(b"IEND", b"")])


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def packed(size: int) -> bytes:
    """Zeros as in a PNG's data."""
    return zlib.compress(bytes(size), 1)


def _saved(kind: str, **options) -> bytes:
    return flat(kind, "L", 64, 64, **options)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def _jpeg_head(width: int, height: int, components: int) -> bytes:
    """A progressive JPEG up to its first scan; a DC difference of 0 is the bit 0, a run of 2^14 blocks and more too."""
    tables = _segment(0xDB, b"\x00" + b"\x01" * 64)
    parts = b"".join(bytes((i + 1, 0x11, 0)) for i in range(components))
    frame = _segment(0xC2, struct.pack(">BHHB", 8, height, width, components) + parts)
    one_code = b"\x01" + bytes(15)
    codes = _segment(0xC4, b"\x00" + one_code + b"\x00") + _segment(0xC4, b"\x10" + one_code + b"\xe0")
    return b"\xff\xd8" + tables + frame + codes


def _bits(text: str, times: int) -> bytes:
    """A string of 0 and 1, repeated, as a scan's bytes: filled up with ones, and a zero after each 0xFF."""
    text *= times
    text += "1" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00")
