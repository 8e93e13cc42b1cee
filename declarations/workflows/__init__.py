"""What changes declarations. Every function takes `actor` and `at` (the instant, aware)."""

from declarations.workflows.drafts import cancel, submit
from declarations.workflows.files import check_file, park_poison, receive_file
from declarations.workflows.form import (
    add_new_hire,
    declare_no_work,
    open_form,
    paste_column,
    remove_new_hire,
    save_form,
)
from declarations.workflows.prefills import issue_prefill

__all__ = [
    "add_new_hire",
    "cancel",
    "check_file",
    "declare_no_work",
    "issue_prefill",
    "open_form",
    "park_poison",
    "paste_column",
    "receive_file",
    "remove_new_hire",
    "save_form",
    "submit",
]
