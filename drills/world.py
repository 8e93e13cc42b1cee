"""What the clients of the drills need of the demonstration: a bank's key, and slips to pay."""

from damancom.demo import world
from payments.enums import KeyScope
from payments.models import Bank, PaymentSlip
from payments.workflows.bank_keys import issue_key
from portal import clock
from portal.models import User


def key_of_a_bank() -> str:
    """The token of a new key of the first bank."""
    issued = issue_key(
        actor=User.objects.get(email="superviseur@caisse.example"),
        bank=Bank.objects.get(code=world.BANKS[0].code),
        label="exercice",
        scopes=[KeyScope.SEND, KeyScope.READ],
        days=1,
        at=clock.now(),
    )
    return issued.token


def open_references() -> list[str]:
    """The payment codes of the last slips, as payers write them."""
    return list(
        PaymentSlip.objects.order_by("-pk").values_list("payment_reference", flat=True)[:20]
    )
