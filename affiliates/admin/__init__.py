"""The register on the clerks' desk. Importing the modules registers them with the desk."""

from affiliates.admin import (
    affiliations,
    people,
    posts,
    recoveries,
    rectifications,
    register,
    registrations,
)

__all__ = [
    "affiliations",
    "people",
    "posts",
    "recoveries",
    "rectifications",
    "register",
    "registrations",
]
