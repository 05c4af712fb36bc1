# The course's commands. Windows has no make: there, run `python tools/install.py`, then what the
# recipes below run.

CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
ifeq ($(OS),Windows_NT)
VENV_PYTHON := .venv/Scripts/python.exe
else
VENV_PYTHON := .venv/bin/python
endif
FINISHED := $(if $(PYTHON),,$(if $(wildcard .venv/install-stamp),$(VENV_PYTHON)))
.DEFAULT_GOAL := help
.PHONY: help install lab check test browser matrix course bench publish clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'ARGS="..." goes on to lab, check, test, browser and matrix, PYTHON=/path/to/python chooses the Python of .venv.'

# A finished .venv checks itself. Otherwise the first suitable Python makes one; if none is
# suitable, the first one there says why.
install:  ## Make .venv, with everything in it (again only after a change)
	@for python in $(FINISHED) $(CANDIDATES); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	      >/dev/null 2>&1; then exec "$$python" tools/install.py; fi; \
	done; \
	for python in $(CANDIDATES); do \
	  if "$$python" -c '' >/dev/null 2>&1; then exec "$$python" tools/install.py; fi; \
	done; \
	echo 'No Python found (looked for: $(CANDIDATES)): install Python 3.11 to 3.13 from python.org' \
	  'or your system, or name yours with make install PYTHON=/path/to/python.' >&2; \
	exit 1

lab: install  ## Open your own copies of the lessons (my_lessons/) in JupyterLab
	@$(VENV_PYTHON) -m dlkit lab $(ARGS)

check: install  ## Run the tests that need no lesson, server or browser (2 min)
	@$(VENV_PYTHON) tools/tiers.py check $(ARGS)

test: install  ## Run all tests, and each lesson once with its exercises solved (45 min)
	@$(VENV_PYTHON) tools/tiers.py test $(ARGS)

# What a learner does not need is installed only here.
browser: install  ## Try three lessons in JupyterLab in Chromium; screenshots go to build/
	@$(VENV_PYTHON) -m pip install -q -r tests/browser/requirements.txt \
	  -r tools/requirements.txt -c constraints.txt
	@DLKIT_BROWSER_REQUIRED=1 $(VENV_PYTHON) -m pytest tests/browser $(ARGS)

matrix: install  ## Every lesson on Colab's versions, on the newest, on JAX and PyTorch (6 GB)
	@$(VENV_PYTHON) tools/matrix.py $(ARGS)

course: install  ## Execute every lesson into build/, as HTML with an index and a table
	@$(VENV_PYTHON) -m pip install -q -r tools/requirements.txt -c constraints.txt
	@$(VENV_PYTHON) tools/run.py course $(ARGS)

bench: install  ## Measure speed into build/bench.md (40 min); benchmarks/README.md says more
	@$(VENV_PYTHON) benchmarks/run.py $(ARGS)

# Without a word on REPO it does nothing: an empty REPO= is a command of its own.
publish: install  ## Name the public repository (REPO=owner/name REF=main), or take it out (REPO=)
	@$(VENV_PYTHON) tools/publish.py $(if $(filter undefined,$(origin REPO)),,'$(REPO)') \
	  --ref '$(or $(REF),main)'

clean:  ## Remove what the commands above made, but for .venv and the data
	@rm -rf build __pycache__ .pytest_cache .ruff_cache .hypothesis
	@find dlkit tests tools -name __pycache__ -prune -exec rm -rf {} +
