"""Every table says what it holds about people, how long, and in which copy of one's data it is.

A new model needs a line in damancom/privacy.py; one that tells something of a firm or a person also needs one in
damancom/copies.py, among what is given or what is withheld.
"""

from django.apps import apps

from damancom import copies, privacy
from damancom.privacy import DataClass
from portal.enums import PurgeRule
from tests.house import test_canary as canaries


def test_every_table_has_its_class_and_its_time_and_no_line_outlives_its_table() -> None:
    assert set(privacy.TABLE) == {model._meta.label for model in apps.get_models()}
    assert all(kept.until and kept.why for kept in privacy.TABLE.values())


def test_every_rule_ends_one_table_and_is_applied() -> None:
    named = sorted(kept.ended_by for kept in privacy.TABLE.values() if kept.ended_by)
    assert named == sorted(privacy.RULES) == sorted(PurgeRule)


def test_a_table_is_classed_by_the_most_telling_of_its_fields() -> None:
    fields = [
        (model._meta.label, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
    ]
    assert [one for one in fields if not privacy.is_classed_enough(*one)] == []
    names = {name for _label, name in fields}
    assert set(privacy.TELLING) <= names, "a name that no field bears any more"
    # The control: an address in a table of nobody's would be seen.
    assert not privacy.is_classed_enough("payments.Bank", "email")
    assert not privacy.is_classed_enough("affiliates.Invitation", "cin")


def test_every_table_that_tells_something_is_given_or_withheld_with_a_reason() -> None:
    told = {label for label, kept in privacy.TABLE.items() if kept.data != DataClass.NOBODY}
    withheld = [label for labels in copies.WITHHELD.values() for label in labels]
    given = {*copies.FIRM, *copies.ACCOUNT, *copies.INSURED, copies.TRACE}
    assert told - given - set(withheld) == set()
    assert given & set(withheld) == set()
    assert len(withheld) == len(set(withheld))
    # What leads to a firm is in the copy of a firm, or withheld: an account or a person is not enough.
    of_firms = {
        model._meta.label
        for model in canaries.owned_models()
        if model._meta.label not in canaries.OF_NO_AFFILIATE
    }
    of_staff = {"payments.BankFile", "payments.BankLine"}
    nobody = set(privacy.TABLE) - told
    assert of_firms - set(copies.FIRM) - set(withheld) - of_staff - nobody == set()
