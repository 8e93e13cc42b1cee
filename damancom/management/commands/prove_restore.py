"""Whether the database of the settings is the one that a backup held; asked by ``restore``, in its own process."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from damancom import row_walls
from damancom.proof import Expected, prove


class Command(BaseCommand):
    """Reads rows, debits and head as JSON, answers one line of JSON; exit 1 when something is wrong."""

    help = "Compare la base avec ce que sa sauvegarde disait d’elle (appelé par restore)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # A backup holds no rights: whoever restores is the owner, and gives them again.
        row_walls.put_up()
        proof = prove(Expected(**json.load(sys.stdin)))
        self.stdout.write(json.dumps(asdict(proof), ensure_ascii=False))
        if proof.faults:
            sys.exit(1)
