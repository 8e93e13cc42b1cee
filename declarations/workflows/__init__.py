"""What changes declarations. Every function takes `actor` and `at` (the instant, aware)."""

from declarations.workflows.drafts import cancel, submit
from declarations.workflows.files import check_file, park_poison, receive_file
from declarations.workflows.prefills import issue_prefill

__all__ = ["cancel", "check_file", "issue_prefill", "park_poison", "receive_file", "submit"]
