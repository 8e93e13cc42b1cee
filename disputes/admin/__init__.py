"""The staff desk of this room; Django looks for it here."""

from disputes.admin.disputes import DisputeAdmin

__all__ = ["DisputeAdmin"]
