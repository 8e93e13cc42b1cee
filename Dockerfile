# One image, three commands: web, worker, beat (docker-compose.yml). No secret enters it.

FROM python:3.13-slim-trixie AS build
WORKDIR /app
COPY requirements.txt requirements-uv.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-uv.txt \
    && /venv/bin/uv pip install --no-cache --python /venv/bin/python --require-hashes -r requirements.txt \
    && /venv/bin/uv pip uninstall --python /venv/bin/python uv

FROM python:3.13-slim-trixie
# What WeasyPrint loads to make the PDF documents.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/*
# pg_dump and pg_restore of the server's version, for « manage.py backup » and « restore »: Debian's own are older.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-18 \
    && rm -rf /var/lib/apt/lists/*
ENV POSTGRES_PROGRAMS=/usr/lib/postgresql/18/bin
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin damancom \
    && install --directory --owner damancom --mode 0700 /backups /heads
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=build /venv /venv
COPY . .
# Files to serve and translations are made here, with settings that exist for this one command.
RUN SECRET_KEY=$(python -c "import secrets; print(secrets.token_urlsafe(64))") \
    ALLOWED_HOSTS=localhost PUBLIC_URL=https://localhost \
    DATABASE_URL=postgres://localhost/none REDIS_URL=redis://localhost SIGNING_PEM_FILE=/run/secrets/signing CREDITOR_NUMBER=A0 \
    DJANGO_SETTINGS_MODULE=damancom.settings.base \
    sh -c "python -m damancom.messages compile && python manage.py collectstatic --noinput --verbosity 0"
USER damancom
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "1", "--no-ws", "--respawn-failed-workers", "damancom.wsgi:application"]
