"""What the staff review with an affiliate: disputes, and inspections."""

from disputes.models.disputes import (
    Attachment,
    Decision,
    Dispute,
    DisputedItem,
    DisputeStep,
    Message,
)
from disputes.models.missions import (
    Assessment,
    Inspector,
    Mission,
    MissionMember,
    MissionStep,
    ReplyPiece,
    RiskFact,
    StepReply,
)

__all__ = [
    "Assessment",
    "Attachment",
    "Decision",
    "Dispute",
    "DisputeStep",
    "DisputedItem",
    "Inspector",
    "Message",
    "Mission",
    "MissionMember",
    "MissionStep",
    "ReplyPiece",
    "RiskFact",
    "StepReply",
]
