"""Train pythae's VAE, with vae_mnist.yaml's network, for one epoch per line of standard input, and print the seconds.

vae_mnist.py runs it with the interpreter of an environment in which pythae is installed:
    python pythae_epochs.py IMAGES.npy      (uint8 images, N x 1 x 28 x 28)
"""

import logging
import sys
import time

import numpy as np
from pythae.data.preprocessors import DataProcessor
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import nn

logging.disable(logging.WARNING)


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 500), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(500, 20), nn.Linear(500, 20)

    def forward(self, x):
        hidden = self.body(x)
        return ModelOutput(embedding=self.mean(hidden), log_covariance=self.log_variance(hidden))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(20, 500), nn.ReLU(), nn.Linear(500, 784), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.body(z).view(-1, 1, 28, 28))


def main():
    processor = DataProcessor()
    images = processor.to_dataset(processor.process_data(np.load(sys.argv[1]) / np.float32(255)))
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce")
    trainer = BaseTrainer(
        VAE(config, Encoder(), Decoder()),
        images,
        training_config=BaseTrainerConfig(
            output_dir=sys.argv[2], per_device_train_batch_size=128, learning_rate=1e-3, optimizer_cls="Adam"
        ),
    )
    trainer.prepare_training()
    answers, sys.stdout = sys.stdout, sys.stderr
    for epoch, _ in enumerate(sys.stdin, 1):
        trainer.callback_handler.on_epoch_begin(trainer.training_config, epoch=epoch, train_loader=trainer.train_loader)
        began = time.perf_counter()
        trainer.train_step(epoch)
        print(time.perf_counter() - began, file=answers, flush=True)


if __name__ == "__main__":
    main()
