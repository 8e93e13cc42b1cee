"""The staff desk of this room; Django looks for it here."""

from disputes.admin.disputes import DisputeAdmin
from disputes.admin.missions import InspectorAdmin, MissionAdmin, RiskFactAdmin
from disputes.admin.templates import AnswerTemplateAdmin

__all__ = ["AnswerTemplateAdmin", "DisputeAdmin", "InspectorAdmin", "MissionAdmin", "RiskFactAdmin"]
