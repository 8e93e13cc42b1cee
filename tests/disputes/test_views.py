"""The employer's pages, with the cast of five."""

import re
import uuid
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from disputes import rules
from disputes.enums import DisputeState, MessageSide, Outcome
from disputes.models import Attachment, Dispute, Message
from disputes.workflows import disputes as workflows
from payments.models import PaymentSlip
from portal.models import AuditEntry, User
from portal.pieces import PIECE_LIMIT_BYTES
from tests.affiliates.factories import MembershipFactory
from tests.cast import Cast
from tests.disputes.factories import OPENED_AT, PDF, dispute_of, slip_of, upload

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"


def page(affiliate: object, name: str, *args: object, query: str = "") -> str:
    return reverse(f"disputes:{name}", args=[affiliate.affiliation_number, *args]) + query


def signed_in(user: User, language: str = "fr") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def open_page(slip: PaymentSlip, rank: int = 3) -> str:
    return page(slip.affiliate, "open", query=f"?objet=line-{slip.lines.get(rank=rank).pk}")


def filled(slip: PaymentSlip, **changes: object) -> dict[str, object]:
    line = slip.lines.get(rank=3)
    return (
        {
            "intent": str(uuid.uuid4()),
            f"amount_line-{line.pk}": "1 00,50",
            "ground": "wrong_base",
            "text": "La salariée était en congé.",
        }
        | {f"amount_line-{line.pk}": "100,50"}
        | changes
    )


def pages_of(dispute: Dispute) -> list[str]:
    return [
        page(dispute.affiliate, "list"),
        page(dispute.affiliate, "open"),
        open_page(dispute.items.get().slip_line.slip),
        page(dispute.affiliate, "detail", dispute.number),
    ]


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_page_opens_for_the_firm_and_its_office(
    cast: Cast, taken: Dispute, language: str
) -> None:
    for user in (cast.owner, cast.fiduciaire):
        for address in pages_of(taken):
            answer = signed_in(user, language).get(address)
            assert answer.status_code == 200, address
            assert f'lang="{language}"' in answer.content.decode()


def test_for_everyone_else_nothing_exists(cast: Cast, taken: Dispute) -> None:
    posts = [page(cast.affiliate, name, taken.number) for name in ("reply", "withdraw")]
    for user in cast.outsiders:
        client = signed_in(user)
        for address in pages_of(taken):
            assert client.get(address).status_code == 404, address
        for address in [*posts, open_page(taken.items.get().slip_line.slip)]:
            assert client.post(address, {"text": "x"}).status_code == 404, address
    for address in pages_of(taken):
        assert Client().get(address).status_code == 302


def test_another_firms_line_dispute_and_piece_do_not_exist_in_ours(
    cast: Cast, taken: Dispute
) -> None:
    theirs = slip_of(cast.strangers_affiliate)
    other = dispute_of(cast.stranger, theirs)
    workflows.write(
        actor=cast.stranger,
        dispute_id=other.pk,
        side=MessageSide.AFFILIATE,
        intent=uuid.uuid4(),
        text="x",
        pieces=[upload()],
        at=OPENED_AT,
    )
    piece = Attachment.objects.get()
    client = signed_in(cast.owner)
    for address in (
        page(cast.affiliate, "open", query=f"?objet=line-{theirs.lines.get(rank=1).pk}"),
        page(cast.affiliate, "open", query="?objet=line-999999999"),
        page(cast.affiliate, "open", query="?objet=line-%D9%A1"),
        page(cast.affiliate, "detail", other.number),
        page(cast.affiliate, "piece", taken.number, piece.pk),
        page(cast.affiliate, "piece", other.number, piece.pk),
    ):
        assert client.get(address).status_code == 404, address


def test_a_reader_sees_and_may_not_act(cast: Cast, taken: Dispute) -> None:
    reader = MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value).user
    client = signed_in(reader)
    detail = client.get(page(cast.affiliate, "detail", taken.number))
    assert detail.status_code == 200
    assert "Retirer ma réclamation" not in detail.content.decode()
    assert client.get(page(cast.affiliate, "open")).status_code == 403
    for name in ("reply", "withdraw"):
        answer = client.post(page(cast.affiliate, name, taken.number), {"text": "x"})
        assert answer.status_code == 403


def test_looking_changes_nothing(cast: Cast, taken: Dispute) -> None:
    client = signed_in(cast.owner)
    before = AuditEntry.objects.count()
    for address in pages_of(taken):
        client.get(address)
    for name in ("reply", "withdraw"):
        assert client.get(page(cast.affiliate, name, taken.number)).status_code == 405
    assert AuditEntry.objects.count() == before
    taken.refresh_from_db()
    assert taken.state == DisputeState.TAKEN


# ---------------------------------------------------------------- opening


def test_contesting_a_line_through_the_form(cast: Cast, slip: PaymentSlip) -> None:
    client = signed_in(cast.owner)
    first = client.get(open_page(slip)).content.decode()
    assert "Assurance maladie obligatoire" in first
    assert re.search(r'name="intent" value="[0-9a-f-]{36}"', first)

    scan = SimpleUploadedFile("arrêt <b>.pdf", PDF, content_type="text/html")
    data = filled(slip) | {"pieces": [scan]}
    answer = client.post(open_page(slip), data)
    dispute = Dispute.objects.get()
    assert answer.url == page(cast.affiliate, "detail", dispute.number)
    assert dispute.items.get().amount == Decimal("100.50")

    # The same form sent again (a second click, the back button) finds the same dispute.
    again = client.post(open_page(slip), {name: data[name] for name in data if name != "pieces"})
    assert again.url == answer.url
    assert Dispute.objects.count() == 1

    shown = client.get(answer.url).content.decode()
    assert "arrêt &lt;b&gt;.pdf" in shown
    assert "2\u202f467,32" in shown  # what remains payable now


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "739"}, "au plus 738,82 DH"),
        ({"amount": ""}, "Indiquez au moins une ligne"),
        ({"amount": "1e2"}, "pas lisible"),
        ({"amount": "-5"}, "négatif"),
        ({"amount": "1_00"}, "pas lisible"),
        ({"ground": ""}, "obligatoire"),
        ({"ground": "bribe"}, "choix"),
        ({"text": "   "}, "obligatoire"),
        ({"intent": "x"}, "corriger"),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    cast: Cast, slip: PaymentSlip, changes: dict[str, str], said: str
) -> None:
    line = slip.lines.get(rank=3)
    named = {
        f"amount_line-{line.pk}" if key == "amount" else key: value
        for key, value in changes.items()
    }
    data = filled(slip, **{"text": f"Écrit avec soin {HOSTILE}"} | named)
    answer = signed_in(cast.owner).post(open_page(slip), data)

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert said in shown
    assert not Dispute.objects.exists()
    if "text" not in changes:
        assert "Écrit avec soin &lt;script&gt;" in shown
    assert HOSTILE not in shown


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([b"MZ\x90\x00"], "n’est ni un PDF"),
        ([PDF, b""], "est vide"),
        ([b"%PDF-" + b"0" * PIECE_LIMIT_BYTES], "dépasse 5 Mo"),
        ([PDF] * 6, "au plus 5 fichiers"),
    ],
)
def test_refused_files_are_said_and_asked_again(
    cast: Cast, slip: PaymentSlip, pieces: list[bytes], said: str
) -> None:
    chosen = [
        SimpleUploadedFile("facture.pdf", piece, content_type="application/pdf") for piece in pieces
    ]
    answer = signed_in(cast.owner).post(open_page(slip), filled(slip) | {"pieces": chosen})

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert said in shown
    assert "à choisir de nouveau" in shown
    assert not Dispute.objects.exists()


def test_arabic_digits_are_the_same_amount(cast: Cast, slip: PaymentSlip) -> None:
    line = slip.lines.get(rank=3)
    signed_in(cast.owner, "ar").post(
        open_page(slip), filled(slip, **{f"amount_line-{line.pk}": "١٠٠٫٥٠"})
    )
    assert Dispute.objects.get().items.get().amount == Decimal("100.50")


# ---------------------------------------------------------------- following


def test_answering_and_withdrawing(cast: Cast, taken: Dispute) -> None:
    client = signed_in(cast.owner)
    client.post(
        page(cast.affiliate, "reply", taken.number),
        {"intent": str(uuid.uuid4()), "text": f"Voici. {HOSTILE}", "pieces": [upload()]},
    )
    assert Message.objects.count() == 2
    shown = client.get(page(cast.affiliate, "detail", taken.number)).content.decode()
    assert "Voici. &lt;script&gt;" in shown
    assert HOSTILE not in shown

    client.post(page(cast.affiliate, "withdraw", taken.number))
    taken.refresh_from_db()
    assert taken.state == DisputeState.WITHDRAWN
    late = client.post(
        page(cast.affiliate, "reply", taken.number),
        {"intent": str(uuid.uuid4()), "text": "Encore un mot."},
    )
    assert late.status_code == 422
    assert Message.objects.count() == 2


def test_a_piece_is_only_ever_handed_out_as_an_attachment(cast: Cast, taken: Dispute) -> None:
    client = signed_in(cast.owner)
    name = 'x"\r\nSet-Cookie: a=b; .html'
    workflows.write(
        actor=cast.owner,
        dispute_id=taken.pk,
        side=MessageSide.AFFILIATE,
        intent=uuid.uuid4(),
        text="x",
        pieces=[upload(name, PDF + b"<script>")],
        at=OPENED_AT,
    )
    piece = Attachment.objects.get()
    answer = client.get(page(cast.affiliate, "piece", taken.number, piece.pk))

    assert b"".join(answer.streaming_content) == PDF + b"<script>"
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == (
        f'attachment; filename="{taken.number}-piece-{piece.pk}.pdf"'
    )
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    for user in cast.outsiders:
        address = page(cast.affiliate, "piece", taken.number, piece.pk)
        assert signed_in(user).get(address).status_code == 404


@pytest.mark.parametrize(
    ("outcome", "said", "appeal"),
    [
        (Outcome.UPHELD, "Votre réclamation est acceptée", False),
        (Outcome.REFUSED, "Votre réclamation est refusée", True),
    ],
)
def test_the_decision_is_told_with_its_reasons_and_the_way_of_appeal(
    cast: Cast, taken: Dispute, outcome: Outcome, said: str, appeal: bool
) -> None:
    workflows.decide(
        actor=cast.staff,
        dispute_id=taken.pk,
        intent=uuid.uuid4(),
        rulings={item.pk: rules.Ruling(outcome) for item in taken.items.all()},
        reasons="La déclaration de janvier dit 26 jours.",
        legal_ground="Dahir n° 1-72-184, article 19",
        at=OPENED_AT,
    )
    shown = signed_in(cast.owner).get(page(cast.affiliate, "detail", taken.number)).content.decode()

    assert said in shown
    assert "La déclaration de janvier dit 26 jours." in shown
    assert ("conciliation" in shown) is appeal


def test_the_number_of_queries_does_not_grow(cast: Cast, slip: PaymentSlip, taken: Dispute) -> None:
    client = signed_in(cast.owner)
    addresses = [page(cast.affiliate, "list"), page(cast.affiliate, "detail", taken.number)]
    for address in addresses:
        client.get(address)

    def queries() -> list[int]:
        counts = []
        for address in addresses:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                client.get(address)
            counts.append(len(captured))
        return counts

    before = queries()
    for rank in (1, 2, 3):
        dispute_of(cast.owner, slip, rank=rank, amount=Decimal("10.00"))
        workflows.write(
            actor=cast.owner,
            dispute_id=taken.pk,
            side=MessageSide.AFFILIATE,
            intent=uuid.uuid4(),
            text="encore",
            pieces=[upload(), upload()],
            at=OPENED_AT,
        )
    # The first message with a piece adds the query that reads all pieces.
    assert [after - count for after, count in zip(queries(), before, strict=True)] == [0, 0]
