"""Documents in each format, made here so that what they hold is seen."""

from __future__ import annotations

import io

import docx
from pypdf import PdfReader, PdfWriter


def pdf(pages: list[list[str]], password: str = "") -> bytes:
    """Lines of text on pages, written out by hand: pypdf makes no text."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for lines in pages:
        stream = "BT /F1 12 Tf 50 780 Td 16 TL " + " ".join(
            f"({line.replace('(', '[').replace(')', ']')}) Tj T*" for line in lines
        )
        stream += " ET"
        page = len(objects) + 1
        kids.append(f"{page} 0 R")
        font = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {page + 1} 0 R /Resources << {font} >> >>"
        )
        objects.append(f"<< /Length {len(stream.encode('cp1252'))} >>\nstream\n{stream}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    written = _assemble(objects)
    if not password:
        return written
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(written)))
    writer.encrypt(password, algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def _assemble(objects: list[str]) -> bytes:
    body = b"%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode("cp1252")
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    table += "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    return body + table.encode() + end.encode()


def word(parts: list[tuple[str, str]], rows: list[list[str]] | None = None) -> bytes:
    """(style, text) paragraphs, then a table."""
    document = docx.Document()
    for style, text in parts:
        document.add_paragraph(text, style=style)
    if rows:
        table = document.add_table(len(rows), len(rows[0]))
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                table.cell(i, j).text = cell
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
