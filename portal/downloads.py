"""Handing out bytes: always as an attachment, of a stated type, unable to run anything."""

import io
from typing import BinaryIO

from django.http import FileResponse


def attachment(content: bytes | BinaryIO, *, name: str, content_type: str) -> FileResponse:
    """A download named ``name``; ``content`` is a stored file opened, or bytes made on demand."""
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    response = FileResponse(stream, as_attachment=True, filename=name, content_type=content_type)
    # Set before django-csp's middleware, which leaves it: a file gets less than a page.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
