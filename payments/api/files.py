"""Bank files by machine: send one, follow it, take the return file CR1."""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, NotAuthenticated, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from payments import queries
from payments.api.auth import BankKeyAuthentication, HasScope, must_sign, refused
from payments.api.document import DOCUMENT
from payments.api.signatures import is_body_signed
from payments.codecs import cr1
from payments.codecs.faults import REST, public_code, sentence
from payments.errors import KeyInProgress, KeyUsedOtherwise
from payments.models import BankFile, BankKey
from payments.tasks import import_bank_file
from payments.workflows.bank_files import receive
from payments.workflows.once import Answer, answer_once
from portal import clock, limits, security_log
from portal.downloads import attachment
from portal.enums import JobState
from portal.errors import message_of
from portal.security_log import SecurityEvent
from portal.tasks import wake

KEY_LENGTH = 80
PAGE_SIZE = 100


class Refused(APIException):
    """A refusal with its own status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message, code)
        self.status_code = status


class BankView(APIView):
    """A view of the files of the calling bank; other banks' files do not exist."""

    authentication_classes = [BankKeyAuthentication]
    permission_classes = [HasScope]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """What every call meets first; a body that is not the signed one does nothing."""
        super().initial(request, *args, **kwargs)
        key = self.key(request)
        if request.method not in SAFE_METHODS and must_sign(key):
            # Parsed, so that the file waits on disk while its bytes are counted; whatever was left is read too.
            request.data  # noqa: B018
            if not is_body_signed(request._request):
                security_log.note(SecurityEvent.KEY_REFUSED, why="body", key=key.prefix)
                raise refused()

    def key(self, request: Request) -> BankKey:
        """The key that opened the door."""
        if not isinstance(request.auth, BankKey):
            raise NotAuthenticated
        return request.auth

    def files(self, request: Request) -> QuerySet[BankFile]:
        """Its files, newest first."""
        rows = BankFile.objects.filter(bank=self.key(request).bank).select_related("stored")
        return rows.order_by("-pk")


class BankFiles(BankView):
    """The files of the bank: list them, send one."""

    parser_classes = [MultiPartParser]

    def get(self, request: Request) -> Response:
        """The files, newest first, a hundred at a time; `before` takes the next page."""
        rows = self.files(request)
        before = request.query_params.get("before", "")
        if before:
            rows = rows.filter(pk__lt=get_object_or_404(rows, receipt_number=before).pk)
        page = list(rows[: PAGE_SIZE + 1])
        more = page[PAGE_SIZE - 1].receipt_number if len(page) > PAGE_SIZE else None
        return Response({"files": [described(one) for one in page[:PAGE_SIZE]], "next": more})

    def post(self, request: Request) -> Response:
        """Send one file under an `Idempotency-Key`; the reading follows, see its address."""
        key = self.key(request)
        bank = key.bank
        limits.count(limits.BANK_CALLS, bank.code)
        intent = request.headers.get("Idempotency-Key", "")
        if not 1 <= len(intent) <= KEY_LENGTH:
            raise Refused(
                400,
                "idempotency_key",
                _("Ajoutez l’en-tête Idempotency-Key : de 1 à 80 caractères, un par dépôt voulu."),
            )
        upload = request.FILES.get("file")
        if not isinstance(upload, UploadedFile):
            raise ValidationError({"file": [_("Joignez le fichier dans le champ « file ».")]})

        def act() -> Answer:
            found = receive(actor=None, key=key, bank=bank, upload=upload, at=clock.now())
            if not found.again:
                wake(import_bank_file, found.bank_file.pk)
            return (200 if found.again else 201), described(found.bank_file)

        try:
            status, body = answer_once(
                bank=bank, key=intent, fingerprint=_fingerprint(upload), act=act
            )
        except KeyUsedOtherwise as refusal:
            raise Refused(422, refusal.code, message_of(refusal)) from refusal
        except KeyInProgress as refusal:
            raise Refused(409, refusal.code, message_of(refusal)) from refusal
        address = reverse("payments:api_bank_file", args=[body["receipt_number"]])
        return Response(body, status=status, headers={"Location": address})


def _fingerprint(upload: UploadedFile[Any]) -> str:
    digest = hashlib.sha256()
    for piece in upload.chunks():
        digest.update(piece)
    return digest.hexdigest()


class BankFileOne(BankView):
    """One file: how far its reading is, its verdict, its totals."""

    def get(self, request: Request, receipt_number: str) -> Response:
        found = get_object_or_404(self.files(request), receipt_number=receipt_number)
        totals = queries.file_totals(found)
        body = described(found) | {
            "faults": [_fault(one) for one in found.faults],
            "totals": [
                {"verdict": row.verdict.value, "count": row.count, "amount": str(row.amount)}
                for row in totals.by_verdict
            ],
        }
        return Response(body)


class BankFileReturn(BankView):
    """The return file CR1, once the reading is over."""

    def get(self, request: Request, receipt_number: str) -> HttpResponseBase:
        found = get_object_or_404(self.files(request), receipt_number=receipt_number)
        if found.state != JobState.DONE.value:
            raise Refused(
                409, "not_ready", _("La lecture du fichier n’est pas finie : recommencez bientôt.")
            )
        content = b"".join(cr1.write(queries.return_header(found), queries.return_lines(found)))
        return attachment(
            content,
            name=f"CR1_{found.receipt_number}.txt",
            content_type="text/plain; charset=utf-8",
        )


class Description(APIView):
    """This interface, described for programs: OpenAPI 3.1."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response(DOCUMENT)


def described(found: BankFile) -> dict[str, Any]:
    """A file as the interface tells it; amounts in dirhams, as text."""
    return {
        "receipt_number": found.receipt_number,
        "sha256": found.sha256,
        "received_at": found.received_at.isoformat(),
        "state": found.state,
        "verdict": found.verdict,
        "format": found.format,
        "message_id": found.message_id,
        "lines_total": found.lines_total,
        "lines_done": found.lines_done,
        "total_credits": f"{found.total_credits:.2f}",
        "total_debits": f"{found.total_debits:.2f}",
    }


def _fault(stored: dict[str, Any]) -> dict[str, Any]:
    code, facts = stored["code"], stored["facts"]
    return {
        "code": public_code(code) if code else "",
        "message": sentence(code, facts, _) if code else _(REST).format(**facts),
        "facts": facts,
    }
