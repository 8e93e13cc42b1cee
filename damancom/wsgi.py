"""The WSGI application, served by granian."""

import os

from django.core.wsgi import get_wsgi_application

from certificates.signing import refuse_to_start_without_a_key
from portal import clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "damancom.settings.base")

application = get_wsgi_application()
refuse_to_start_without_a_key(clock.now())
