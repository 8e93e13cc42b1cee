"""What a clerk does before a list of firms: say why."""

from django.test import Client


def say_why(client: Client, page: str, purpose: str = "check") -> Client:
    """Answer the question of the list at ``page``; the answer holds half an hour in this session."""
    assert client.post(page, {"purpose": purpose}).status_code == 302
    return client
