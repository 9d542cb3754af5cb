"""Arguments of the tools that measure a model, or write its predictions."""

import argparse

from genlab.cli.tools.options import (
    counts,
    of_data,
    of_decoding,
    of_images,
    of_model,
    of_sampling,
    of_truncation,
    positive,
)


def evaluate(parser: argparse.ArgumentParser) -> None:
    """Evaluate a model on the test images of its data; print the metrics, and write them as JSON.

    A model with a likelihood: log p(x), in nats, by importance sampling, and the ELBO, with one sample for each image.
    In expectation both are lower bounds; the more samples, the tighter.

    A model that translates: L1, PSNR, SSIM, LPIPS and sharpness where the truth is known; otherwise, or with --fid or
    --features, FID and KID of translations, each beside the same metric of the untranslated images.

    A Boltzmann machine: log p(x), or a bound, in nats, by annealed importance sampling of its partition function.

    A PixelCNN: the exact log p(x), in nats and bits per dimension.

    A diffusion model: the variational bound in nats and bits per dimension, with its parts by timestep. With several
    values of --sampler, --steps or --guidance, a table of the samples by each, as for a StyleGAN with --truncation.

    With --fid or --features, and for any other model that samples: FID, KID, precision, recall and classes of as many
    samples as test images, judged by the features of a network. Metrics from different networks are not comparable. For
    samples under labels, also the share to which a classifier assigns their label.

    With --ppl, also the perceptual path length between codes in Z, and for a StyleGAN in W (Karras et al. 2019): how
    much features change with a small step along the path, over as many pairs of codes as samples. With --mixing, how
    often a StyleGAN sample changes its class, or loses an attribute, with other styles in some layers.

    An autoencoder: L1, MSE, PSNR and SSIM of reconstructions, of values in [0, 1].

    The table is rounded to standard errors, where they are known; the file has all digits. It is replaced by metrics
    that are measured in the same way; before others are written, it is kept as evaluate-1.json, evaluate-2.json, ...

    With --input: how unusual each of these images is, the most unusual first, as a table and as CSV: its negative
    log p(x), or else its squared error, and the share of test images for which it is lower.
    """
    of_model(parser, "evaluate.json, with --input outliers.csv,")
    of_data(parser)
    of_images(parser)
    parser.add_argument(
        "--samples",
        type=positive,
        help="for a likelihood: codes per image (default 5000); for a bound: timesteps (default 20); for a partition "
        "function: chains (default 100)",
    )
    parser.add_argument("--temperatures", type=positive, help="for a partition function: steps (default 14500)")
    parser.add_argument("--limit", type=positive, default=10**9, help="test images at most (default all)")
    parser.add_argument("--fid", action="store_true", help="judge samples, even if the model has a likelihood")
    parser.add_argument(
        "--features",
        metavar="NETWORK",
        help="inception, efficientnet, classifier (trained on the data, and saved), or the checkpoint of a model that "
        "encodes; by default a classifier of labels, else inception or efficientnet if available, else a "
        "classifier of attributes",
    )
    parser.add_argument("--ppl", action="store_true", help="measure perceptual path lengths too, with the samples")
    parser.add_argument(
        "--mixing", action="store_true", help="for a StyleGAN: measure what styles of layers and noise change"
    )
    of_truncation(parser, several=True)
    of_sampling(parser, several=True)


def probe(parser: argparse.ArgumentParser) -> None:
    """Measure a model's codes, compared with PCA of the same size and with pixels, as tables and as JSON.

    The squared error of reconstructed test images; the accuracy of a linear classifier trained on few labels; how well
    clusters of test images agree with classes; and for a model trained WithoutClass, how well its error detects that
    class.

    For sentences, word counts take the place of pixels, and --attribute WORD makes two classes.
    """
    of_model(parser, "probe.json")
    of_data(parser)
    parser.add_argument(
        "--labels", type=counts, default="1,10,100,all", help="labelled images of each class (default 1,10,100,all)"
    )
    parser.add_argument(
        "--draws", type=positive, default=5, help="random draws of few labels, to average over (default 5)"
    )
    parser.add_argument(
        "--attribute", metavar="NAME", help="attribute or class: images with and without it are the two classes"
    )
    parser.add_argument("--limit", type=positive, default=10_000, help="images of each split at most (default 10000)")


def predict(parser: argparse.ArgumentParser) -> None:
    """Write codes and reconstructions of the images given with --input to a file that `numpy.load` reads.

    Its arrays have a row for each image; "path" has the image files. For sentences, --input takes text files, and
    "sentence" has the sentences.
    """
    of_model(parser, "predictions.npz")
    parser.add_argument("--ckpt_path", dest="ckpt", help=argparse.SUPPRESS)  # the option of predict without --input
    of_data(parser)
    of_images(parser)
    of_decoding(parser)
