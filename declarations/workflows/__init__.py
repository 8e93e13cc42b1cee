"""What changes declarations. Every function takes `actor` and `at` (the instant, aware)."""

from declarations.workflows.checks import check_file, check_files, due_files
from declarations.workflows.corrections import (
    allow_corrections,
    open_correction,
    stop_corrections,
)
from declarations.workflows.drafts import cancel, submit, submit_all
from declarations.workflows.files import LIMIT, receive_file
from declarations.workflows.form import (
    add_new_hire,
    declare_no_work,
    open_form,
    paste_block,
    remove_new_hire,
    save_form,
)
from declarations.workflows.nudges import nudge_silent
from declarations.workflows.outages import record_outage
from declarations.workflows.prefills import issue_prefill
from declarations.workflows.reattach import affiliates_to_reattach, reattach
from declarations.workflows.reminders import send_reminders
from declarations.workflows.repairs import digest_of, proposed_repair, repair_file

__all__ = [
    "LIMIT",
    "add_new_hire",
    "affiliates_to_reattach",
    "allow_corrections",
    "cancel",
    "check_file",
    "check_files",
    "declare_no_work",
    "digest_of",
    "due_files",
    "issue_prefill",
    "nudge_silent",
    "open_correction",
    "open_form",
    "paste_block",
    "proposed_repair",
    "reattach",
    "receive_file",
    "record_outage",
    "remove_new_hire",
    "repair_file",
    "save_form",
    "send_reminders",
    "stop_corrections",
    "submit",
    "submit_all",
]
