# Each target is one line; the work is in damancom/bootstrap.py, which the bare system Python can run.
#   make run      the portal with demonstration data (PORT=8000; HOST=127.0.0.1)
#   make test     the whole suite, browser flows included (ARGS="tests/payments -k camt" for a part of it)
#   make check    style, types, import directions, templates, migrations, deployment settings, translations
#   make bench    measurements
#   make drill    break each part of a living portal under load, and see that nothing was lost (DRILL_SEED=1)
#   make resetdb  erase the demonstration data
#   make lock     resolve the dependencies of pyproject.toml again
#   make messages bring the Arabic catalogue up to date with the sources

PYTHON ?= python3
TARGETS = run test check bench drill resetdb lock messages

.PHONY: $(TARGETS) python
$(TARGETS): python
	@$(PYTHON) damancom/bootstrap.py $@ $(ARGS)

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "Il faut Python 3.11 ou plus récent : « make PYTHON=/chemin/vers/python3.11 … » en désigne un autre que $(PYTHON)." >&2; exit 1; }
