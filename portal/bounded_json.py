"""JSON that is measured before it is read. Apart from portal.api: REST framework imports it while it starts."""

import io
import re
from typing import IO, Any, Final

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

LONGEST_JSON: Final = 65_536
DEEPEST_JSON: Final = 32
# Texts, with their escapes, hold no bracket that counts.
_TEXTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[\[\]{}]")


class BoundedJSON(JSONParser):
    """JSON of at most 64 KiB, 32 deep: deeper, and Python gives up with an error that would be ours."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        content = stream.read(LONGEST_JSON + 1)
        if len(content) > LONGEST_JSON or depth_of(content) > DEEPEST_JSON:
            raise ParseError(_("Ce JSON est trop long ou trop imbriqué."))
        return super().parse(io.BytesIO(content), media_type, parser_context)


def depth_of(content: bytes) -> int:
    """How deep the brackets of a JSON text go."""
    deepest = depth = 0
    for bracket in _BRACKETS.findall(_TEXTS.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
