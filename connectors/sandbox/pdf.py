"""A PDF of one page of text, as small as a PDF can be."""

from __future__ import annotations

from collections.abc import Sequence

HEIGHT, LEFT, TOP, LEADING = 842, 60, 780, 18  # points, of an A4 page


def make_page(lines: Sequence[str]) -> bytes:
    """Western letters; others are shown as question marks."""
    shown = b" T* ".join(b"(" + _escape(line) + b") Tj" for line in lines)
    text = f"BT /F1 12 Tf {LEADING} TL {LEFT} {TOP} Td ".encode() + shown + b" ET"
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 {HEIGHT}]".encode()
        + b" /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n".encode() + text + b"\nendstream",
        font,
    ]
    # The comment of high bytes tells whoever carries the file that it is not text
    file = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for n, content in enumerate(objects, start=1):
        places.append(len(file))
        file += f"{n} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\n"
    return bytes(file) + f"{end}startxref\n{len(file)}\n%%EOF\n".encode()


def _escape(line: str) -> bytes:
    plain = line.encode("cp1252", "replace")
    return plain.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
