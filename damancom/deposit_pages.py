"""Sending the files of many firms at once, and following what becomes of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from affiliates.access import for_actor
from damancom.client_pages import for_several
from declarations import workflows as declaring
from declarations.enums import FileVerdict
from declarations.models import Deposit, DepositedFile
from declarations.tasks import wake_check
from declarations.workflows.deposits import Sent, take_deposit
from portal import clock
from portal.actor import actor_of
from portal.archives import MEGABYTE, is_archive
from portal.enums import JobState
from portal.errors import FileTooLargeError
from portal.forms import FilesInput
from portal.reading_archives import members
from portal.uploads import takes_files
from regulation.errors import DomainError
from regulation.periods import Period

_ACCEPTED = FileVerdict.ACCEPTED.value
#: Of one sending: files, or archives of files.
LIMIT = 64 * MEGABYTE
MOST_FILES = 100


class SeveralFilesField(forms.FileField):
    """Files chosen together, at least one."""

    widget = FilesInput(attrs={"accept": ".txt,.xlsx,.csv,.zip"})

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list | tuple) else [data]
        return [super(SeveralFilesField, self).clean(one, initial) for one in files or [None]]


class DepositForm(forms.Form):
    """Many files, or archives of them."""

    intent = forms.UUIDField(widget=forms.HiddenInput)
    uploads = SeveralFilesField(
        label=gettext_lazy("Fichiers, ou archive zip"),
        help_text=gettext_lazy(
            "Chaque nom dit l’entreprise et le mois, comme DS_1234567_202610.txt ; 100 fichiers au plus, ou une "
            "archive de 600, 64 Mo en tout."
        ),
        allow_empty_file=True,
        max_length=255,
        error_messages={"required": gettext_lazy("Choisissez d’abord les fichiers à déposer.")},
    )


@takes_files(LIMIT)
@require_http_methods(["GET", "HEAD", "POST"])
@for_several
def send(request: HttpRequest) -> HttpResponseBase:
    """Receive the files of many firms; the page that follows says what becomes of each."""
    if request.method == "POST":
        form = DepositForm(request.POST, request.FILES)
        if form.is_valid():
            deposit, due = take_deposit(
                actor=actor_of(request),
                at=clock.now(),
                intent=form.cleaned_data["intent"],
                files=_sent(form.cleaned_data["uploads"]),
            )
            for file in due:
                wake_check(file)
            return redirect("clients:deposit", deposit.pk)
    else:
        form = DepositForm(initial={"intent": uuid4()})
    last = Deposit.objects.filter(sent_by=actor_of(request))[:5]
    context = {"form": form, "last": last}
    return render(
        request, "damancom/deposit_form.html", context, status=422 if form.errors else 200
    )


def _sent(uploads: list[UploadedFile]) -> Iterator[Sent]:
    """Each file as it came; an archive gives those that it holds, or one refusal in its name."""
    for upload in uploads:
        name = str(upload.name or "")
        opening = upload.read(4)
        upload.seek(0)
        # A spreadsheet is a zip too: it is one file of one month.
        if is_archive(opening) and not name.lower().endswith(".xlsx"):
            yield from _unpacked(upload, name)
        elif (upload.size or 0) > declaring.LIMIT:
            yield Sent(name, refused=_too_large(name))
        else:
            yield Sent(name, upload.read())


def _unpacked(upload: UploadedFile, name: str) -> Iterator[Sent]:
    try:
        stream: Any = upload.file
        for member in members(stream, name=name, limit=declaring.LIMIT):
            large = len(member.content) > declaring.LIMIT
            yield (
                Sent(member.name, refused=_too_large(member.name))
                if large
                else Sent(member.name, member.content)
            )
    except DomainError as refusal:
        yield Sent(name, refused=refusal)


def _too_large(name: str) -> DomainError:
    return FileTooLargeError(name=name[:80], limit_mb=declaring.LIMIT // MEGABYTE)


@dataclass(frozen=True, slots=True)
class Line:
    """One file of a deposit, as its sender may see it now."""

    entry: DepositedFile
    mine: bool
    pending: bool
    said: str

    @property
    def is_sound(self) -> bool:
        """Whether it became a draft that can be filed."""
        return self.mine and self.entry.file is not None and self.entry.file.verdict == _ACCEPTED


@require_safe
@for_several
def deposit(request: HttpRequest, pk: int) -> HttpResponse:
    """What became of each file; the page renews itself while checks are going on."""
    row = get_object_or_404(Deposit, pk=pk, sent_by=actor_of(request))
    entries = DepositedFile.objects.filter(deposit=row).select_related("file__affiliate")
    mine = frozenset(for_actor(request.user, on=clock.today()).values_list("pk", flat=True))
    lines = [_line(entry, mine) for entry in entries.order_by("rank")]
    pending = sum(line.pending for line in lines)
    sound = [line for line in lines if line.is_sound]
    months = Counter(line.entry.file.period for line in sound if line.entry.file)
    context = {
        "deposit": row,
        # Once all is checked, what is to be mended stands first.
        "lines": lines if pending else sorted(lines, key=lambda line: line.is_sound),
        "pending": pending,
        "done": len(lines) - pending,
        "sound": len(sound),
        "to_mend": len(lines) - pending - len(sound),
        "month": Period.from_day(months.most_common(1)[0][0]) if months else "",
    }
    template = "damancom/_deposit.html" if request.htmx else "damancom/deposit.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _line(entry: DepositedFile, mine: frozenset[int]) -> Line:
    file = entry.file
    if file is None:
        said = gettext(entry.refusal).format(
            **{
                name: gettext(value) if name == "cause" else value
                for name, value in entry.facts.items()
            }
        )
        return Line(entry, False, False, said)
    pending = file.state in (JobState.WAITING, JobState.RUNNING)
    return Line(entry, file.affiliate_id in mine, pending, "")
