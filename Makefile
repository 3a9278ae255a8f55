# Locker Portal: `make help` lists the targets.

PORT ?= 8000
# The first supported Python on the PATH. To choose another: make run PYTHON=/path/to/python3.13
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo "$$name"; exit; }; done; echo python3)
SUPPORTED = import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 14) else 1)
CHECK_PYTHON = $(PYTHON) -c '$(SUPPORTED)' || { \
	echo "Locker Portal needs Python 3.11 to 3.14, and $(PYTHON) is not. Choose another: make $(firstword $(MAKECMDGOALS)) PYTHON=python3.13" >&2; \
	exit 1; }
RUN_REQUIREMENTS = requirements.txt requirements-embedded.txt
DEV_REQUIREMENTS = $(RUN_REQUIREMENTS) requirements-dev.txt
# Arguments for pytest: make test TESTS="tests/flows -x". Each of the WORKERS has its own database.
TESTS ?=
# Arguments for the benchmarks: make bench BENCH="--quick --only status"
BENCH ?=
WORKERS ?= 2
# The moment of `make test-clock`: all, today (one of them, by the date), or a name in devtools/moved_clock.py
CLOCK ?= all
# The tests that `make check` leaves out; the markers are in pyproject.toml.
QUICK = not chaos and not browser and not generated and not slow
# For checks that need settings but no server: nothing listens on port 1.
PRODUCTION_LIKE = env DATABASE_URL=postgres://127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
	DEBUG=false PUBLIC_URL=https://lockers.example.com ALLOWED_HOSTS=lockers.example.com \
	CSRF_TRUSTED_ORIGINS=https://lockers.example.com \
	SECRET_KEY=only-for-checks-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG \
	PICKUP_CODE_SECRETS=1:only-for-checks-9876543210-zyxwvutsrqponmlkjihgfedcba \
	EMAIL_URL=smtp://mail.example.com:25 DEFAULT_FROM_EMAIL=lockers@example.com SMS_BACKEND=notifications.sms.http.SmsBackend \
	SMS_GATEWAY_URL=https://sms.example.com/send SMS_GATEWAY_TOKEN=only-for-checks
UV = .venv/bin/uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run reset check test test-clock coverage bench lint types format words screenshots lock venv venv-run clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv-run ## start the whole portal here, with servers and sample data; Ctrl-C stops it (PORT=8000)
	@exec .venv/bin/python -m devtools.run.supervisor run --port "$(PORT)" --stop-with-parent

reset: venv-run ## delete the data of `make run`
	@exec .venv/bin/python -m devtools.run.supervisor reset

check: lint ## the inner loop: lint, and the tests that take no more than some seconds (TESTS="--lf")
	@exec .venv/bin/python -m pytest -n $(WORKERS) -m "$(QUICK)" -q $(TESTS)

test: venv ## every test, on servers of its own or on DATABASE_URL and REDIS_URL (TESTS="tests/flows -x")
	@exec .venv/bin/python -m pytest -n $(WORKERS) $(TESTS)

coverage: venv ## every test, and which lines and branches of the product none of them runs
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest -n $(WORKERS) $(TESTS)
	.venv/bin/coverage combine --quiet
	.venv/bin/coverage report

test-clock: venv ## the suite on other days, by a moved clock; needs libfaketime (CLOCK=leap-day TESTS="tests/flows")
	@exec .venv/bin/python -m devtools.moved_clock $(CLOCK) -- \
		.venv/bin/python -m pytest -n $(WORKERS) -m "not chaos and not browser and not generated" $(TESTS)

bench: ## the hot paths beside their peers and limits, about half an hour; needs wrk (BENCH="--quick")
	@$(CHECK_PYTHON)
	@$(PYTHON) devtools/make_venv.py $(RUN_REQUIREMENTS) requirements-bench.txt
	@exec .venv/bin/python -m bench $(BENCH)

lint: venv ## style, types, import direction, templates, migrations, deployment checks
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	$(PRODUCTION_LIKE) .venv/bin/mypy .
	.venv/bin/djlint --check --quiet templates
	@# Django would warn that it cannot ask a database which migrations have run; none is needed here.
	$(PRODUCTION_LIKE) .venv/bin/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(PRODUCTION_LIKE) .venv/bin/python manage.py check --deploy --fail-level WARNING

types: venv ## mypy alone
	$(PRODUCTION_LIKE) .venv/bin/mypy .

format: venv ## let the tools fix what they can
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	.venv/bin/djlint --reformat --quiet templates

words: venv ## bring the message catalogues under locale/ up to date, and compile them
	.venv/bin/python -m devtools.catalogues update

screenshots: venv ## the pictures in docs/images, taken from a portal with sample data; needs Chromium
	.venv/bin/python -m devtools.screenshots

lock: ## pin the newest allowed packages, with hashes, for Python 3.11 to 3.14
	@test -x $(UV) || { $(CHECK_PYTHON); $(PYTHON) -m venv .venv && .venv/bin/python -m pip install --quiet uv; }
	$(COMPILE) --upgrade pyproject.toml -o requirements.txt
	$(COMPILE) --upgrade --extra anymail -c requirements.txt pyproject.toml -o requirements-anymail.txt
	$(COMPILE) --upgrade --group embedded -c requirements.txt -o requirements-embedded.txt
	$(COMPILE) --upgrade --group dev -c requirements.txt -c requirements-embedded.txt -c requirements-anymail.txt \
		-o requirements-dev.txt
	$(COMPILE) --upgrade --group bench -c requirements.txt -c requirements-dev.txt -o requirements-bench.txt

venv-run:
	@$(CHECK_PYTHON)
	@$(PYTHON) devtools/make_venv.py $(RUN_REQUIREMENTS)

venv:
	@$(CHECK_PYTHON)
	@$(PYTHON) devtools/make_venv.py $(DEV_REQUIREMENTS)

clean: ## remove .venv and caches, but not the data of `make run`
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache .coverage .coverage.* staticfiles
