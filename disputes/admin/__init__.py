"""The staff desk of this room; Django looks for it here."""

from disputes.admin.disputes import DisputeAdmin
from disputes.admin.missions import InspectorAdmin, MissionAdmin, RiskFactAdmin

__all__ = ["DisputeAdmin", "InspectorAdmin", "MissionAdmin", "RiskFactAdmin"]
