# the first of these that runs and is a version that genlab is tested with; PYTHON=... takes another
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import ensurepip, sys; sys.exit(not (3, 11, 4) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
READY := .venv/ready
LOWEST := .venv-lowest
# what uses every library, and reads and writes every kind of file
CORE := $(addprefix tests/,callbacks commands data/test_folders.py data/test_frey.py latent loggers losses metrics \
	cli/test_cli.py networks runs/test_history.py runs/test_locks.py \
	$(addprefix explore/test_,app.py guard.py opened.py server.py) \
	$(addprefix test_,atomic.py checkpoints.py package.py trust.py))

.DEFAULT_GOAL := help
.PHONY: help setup demo reconstruct sample latent test test-lowest check format tour bench

# small networks, and several processes at once: more threads would only wait for each other
demo test test-lowest: export OMP_NUM_THREADS := 1

help:  ## explain every target
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY)  ## create .venv and install genlab with its development tools

$(BIN)/python:
	$(or $(PYTHON),$(error no Python 3.11.4 to 3.13 with venv is here; install one, or name it: make PYTHON=/its/path)) -m venv .venv

$(READY): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip  # old ones search on and on
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: setup  ## train a VAE on embedded handwritten digits and draw what it learned
	$(BIN)/genlab fit --config vae_digits.yaml
	@echo; echo "Pictures:"
	@$(MAKE) --silent -j2 reconstruct sample latent

reconstruct sample latent:
	@$(BIN)/genlab $@

test: setup  ## run the tests
	$(BIN)/pytest -n 2

$(LOWEST)/ready: $(READY)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable '.[test]'
	touch $@

test-lowest: $(LOWEST)/ready  ## run the core of the tests with the lowest versions that pyproject.toml allows
	$(LOWEST)/bin/pytest -n 2 $(CORE)

check: setup  ## lint, check types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

tour: setup  ## run examples/tour.py and render docs/tour.md from it
	cd docs/tour && ../../$(BIN)/python ../../examples/tour.py && rm tour.ckpt
	$(BIN)/jupytext --to md --opt notebook_metadata_filter=-all --output docs/tour.md examples/tour.py

bench: setup  ## compare quality and speed with plain PyTorch, Lightning and torchvision: hours, needs data
	$(BIN)/python benchmarks/vae_mnist.py quality
	$(BIN)/python benchmarks/vae_mnist.py speed
	$(BIN)/python benchmarks/vae_celeba.py
	$(BIN)/python benchmarks/iwae_mnist.py
	$(BIN)/python benchmarks/gan_quality.py
	$(BIN)/python benchmarks/gan_speed.py mlp
	$(BIN)/python benchmarks/gan_speed.py dcgan
	$(BIN)/python benchmarks/deepfake.py
	$(BIN)/python benchmarks/rbm_speed.py
	$(BIN)/python benchmarks/deep_autoencoder.py
	$(BIN)/python benchmarks/diffusion_speed.py train
	$(BIN)/python benchmarks/diffusion_speed.py sample
	$(BIN)/python benchmarks/diffusion_quality.py mnist
	$(BIN)/python benchmarks/diffusion_quality.py celeba
	$(BIN)/python benchmarks/pixelcnn_speed.py train
	$(BIN)/python benchmarks/pixelcnn_speed.py sample
	$(BIN)/python benchmarks/sentences.py quality
	$(BIN)/python benchmarks/sentences.py speed
	$(BIN)/python benchmarks/vqvae_speed.py autoencoder
	$(BIN)/python benchmarks/vqvae_speed.py prior
	$(BIN)/python benchmarks/vqvae_speed.py quantizer
	$(BIN)/python benchmarks/vqvae_usage.py
	$(BIN)/python benchmarks/translation_speed.py pix2pix
	$(BIN)/python benchmarks/translation_speed.py cyclegan
	$(BIN)/python benchmarks/facades.py --epochs 50 --size 128 --channels 32
	$(BIN)/python benchmarks/autoencoder_mnist.py quality
	$(BIN)/python benchmarks/autoencoder_mnist.py speed
	$(BIN)/python benchmarks/stacked_mnist.py quality
	$(BIN)/python benchmarks/stacked_mnist.py cache
	$(BIN)/python benchmarks/overhead.py share
	$(BIN)/python benchmarks/overhead.py start
	$(BIN)/python benchmarks/overhead.py memory
	$(BIN)/python benchmarks/overhead.py compile
	$(BIN)/python benchmarks/checkpoint_opening.py
	$(BIN)/python benchmarks/data.py
	$(BIN)/python benchmarks/explore.py runs/vae_mnist
