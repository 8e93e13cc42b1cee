"""What the staff review with an affiliate: disputes."""

from disputes.models.disputes import (
    Attachment,
    Decision,
    Dispute,
    DisputedItem,
    DisputeStep,
    Message,
)

__all__ = ["Attachment", "Decision", "Dispute", "DisputeStep", "DisputedItem", "Message"]
