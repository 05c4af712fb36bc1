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
.PHONY: help install lab test course bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'ARGS="..." goes on to lab and test, PYTHON=/path/to/python chooses the Python of .venv.'

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

lab: install  ## Open the first lesson in JupyterLab
	@$(VENV_PYTHON) -m jupyterlab notebooks/00_start_here.ipynb $(ARGS)

test: install  ## Run every test and every notebook
	@$(VENV_PYTHON) -m pytest $(ARGS)

course: install  ## Execute every lesson into build/, as HTML with an index and a table
	@$(VENV_PYTHON) tools/notebooks.py course $(ARGS)

bench: install  ## NumPy beside Keras, our networks beside the usual scripts, CIFAR-10's ladder (2 h)
	@$(VENV_PYTHON) benchmarks/scratch.py
	@$(VENV_PYTHON) benchmarks/scratch.py --train
	@$(VENV_PYTHON) benchmarks/time_to_accuracy.py
	@$(VENV_PYTHON) benchmarks/cifar_ladder.py --out build/cifar_ladder.json

clean:  ## Remove what the commands above made, but for .venv and the data
	@rm -rf build __pycache__ .pytest_cache .ruff_cache .hypothesis
	@find dlkit tests tools -name __pycache__ -prune -exec rm -rf {} +
