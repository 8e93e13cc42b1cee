#!/usr/bin/env python
"""Entry point of every management command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "damancom.settings.dev")
    from django.core.management import execute_from_command_line

    from portal import walls

    with walls.everything():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
