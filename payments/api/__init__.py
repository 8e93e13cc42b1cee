"""The programming interface of banks (docs/formats/bank-api.md)."""
