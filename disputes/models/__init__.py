"""What the staff review with an affiliate: disputes, and inspections."""

from disputes.models.disputes import (
    AnswerTemplate,
    Attachment,
    Decision,
    Dispute,
    DisputedItem,
    DisputeStep,
    Escalation,
    Meeting,
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
    "AnswerTemplate",
    "Assessment",
    "Attachment",
    "Decision",
    "Dispute",
    "DisputeStep",
    "DisputedItem",
    "Escalation",
    "Inspector",
    "Meeting",
    "Message",
    "Mission",
    "MissionMember",
    "MissionStep",
    "ReplyPiece",
    "RiskFact",
    "StepReply",
]
