"""Questions to the register."""

from affiliates.queries.mandates import (
    mandate_requests_of,
    mandates_held,
    open_requests_for,
    shown_mandates,
)
from affiliates.queries.register import (
    PAGE,
    AccessCard,
    Office,
    Person,
    absences_of,
    access_card,
    employed_in,
    expected_situations,
    search,
    staff_of,
    statuses_on,
    taken_over_on,
    with_special_terms,
)
from affiliates.queries.registrations import (
    drafts_without_pieces,
    open_request_count,
    requests_of,
    steps_of,
)
from affiliates.queries.trace import shown_acts, staff_acts

__all__ = [
    "PAGE",
    "AccessCard",
    "Office",
    "Person",
    "absences_of",
    "access_card",
    "drafts_without_pieces",
    "employed_in",
    "expected_situations",
    "mandate_requests_of",
    "mandates_held",
    "open_request_count",
    "open_requests_for",
    "requests_of",
    "search",
    "shown_acts",
    "shown_mandates",
    "staff_acts",
    "staff_of",
    "statuses_on",
    "steps_of",
    "taken_over_on",
    "with_special_terms",
]
