"""Files as people attach them: real enough to open, different in every byte, and cheap to make."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from otrs2intercom.sample.dice import Dice

KILOBYTE = 1024

NAMES = (
    "Rechnung März.pdf",
    "screenshot.png",
    "notes.txt",
    "Umsätze 2025.csv",
    "Angebot Größe XL.docx",
    "請求書.pdf",
    "スクリーンショット.png",
    "invoice-4711.pdf",
    "export.csv",
    "Vertrag (final) v2.pdf",
    "Übersicht.docx",
    "error log.txt",
    "scan0001.pdf",
    "photo.png",
)

_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


_SIZES = {
    (0, 1): 10,
    (1, 6 * KILOBYTE): 890,
    (6 * KILOBYTE, 40 * KILOBYTE): 85,
    (60 * KILOBYTE, 200 * KILOBYTE): 15,
}


@dataclass(slots=True)
class Part:
    """One row of `article_data_mime_attachment`: a file, or a pseudo-attachment that holds the body."""

    name: str
    content_type: str | None
    content: bytes
    content_id: str | None = None
    alternative: str | None = None
    disposition: str | None = None
    sized: bool = True

    @property
    def is_body(self) -> bool:
        """Whether it is one of OTRS's pseudo-attachments (rule of ArticleAttachmentIndex)."""
        if self.disposition == "attachment" or self.name not in {"file-1", "file-2", "file-1.html"}:
            return False
        kind = self.content_type or ""
        return "text/html" in kind or (self.name == "file-1" and "text/plain" in kind)


def random_size(dice: Dice) -> int:
    """Draw a size in bytes: mostly a few kB, now and then up to 200 kB, rarely nothing at all."""
    least, most = dice.weighted(_SIZES)
    return dice.randrange(least, most)


def content_type_of(name: str) -> str:
    """Look up the media type by the ending of the name."""
    return _TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def body_part(name: str, media_type: str, text: str, charset: str = "utf-8") -> Part:
    """Make the pseudo-attachment of a body; HTML can name what the charset lacks."""
    errors = "xmlcharrefreplace" if media_type == "text/html" else "replace"
    return Part(name, f"{media_type}; charset={charset}", text.encode(charset, errors))


def rename_doubles(parts: list[Part]) -> None:
    """Give a second file of the same name a number, as OTRS does: `name-1.ext`."""
    seen: dict[str, int] = {}
    for part in parts:
        times = seen[part.name] = seen.get(part.name, -1) + 1
        if times:
            stem, _, ending = part.name.rpartition(".")
            part.name = f"{stem}-{times}.{ending}"


def make_file(dice: Dice, name: str, size: int) -> bytes:
    """Make a file of the kind that `name` says and of about `size` bytes; exactly none for 0."""
    if size == 0:
        return b""
    kind = name.rpartition(".")[2]
    if kind == "pdf":
        return _pdf(dice, size)
    if kind == "png":
        return png(dice, size)
    if kind == "docx":
        return _docx(dice, size)
    if kind in {"txt", "csv"}:
        return _lines(dice, size, ";" if kind == "csv" else " ")
    return dice.randbytes(size)


def png(dice: Dice, size: int) -> bytes:
    """A grey-scale picture of noise; noise doesn't compress, so it has about the size asked for."""
    width = 16 if size < 8 * KILOBYTE else 256
    height = max(1, size // (width + 1))
    rows = bytearray(dice.randbytes(height * (width + 1)))
    rows[:: width + 1] = bytes(height)  # each row starts with its filter, none
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data)) for tag, data in chunks
    )


def _pdf(dice: Dice, size: int) -> bytes:
    stream = dice.randbytes(max(1, size - 330))
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
        b"<< /Length " + str(len(stream)).encode() + b" >>\nstream\n" + stream + b"\nendstream",
    )
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def _docx(dice: Dice, size: int) -> bytes:
    out = io.BytesIO()
    members = (
        ("[Content_Types].xml", b'<?xml version="1.0"?><Types xmlns="urn:example"/>'),
        ("word/document.xml", b'<?xml version="1.0"?><document/>'),
        ("word/media/image1.bin", dice.randbytes(max(1, size - 450))),
    )
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            # ZipInfo's own date is 1980; the clock would make every run different
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _lines(dice: Dice, size: int, separator: str) -> bytes:
    row = separator.join(("Müller", "Zürich", "東京", "12,50", "ok"))
    first = dice.randrange(10**6)
    text = "\r\n".join(f"{first + line}{separator}{row}" for line in range(size // 40 + 1))
    return text.encode()[:size].decode(errors="ignore").encode()
