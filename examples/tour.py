# %% [markdown]
# # A tour of genlab
#
# A VAE learns scikit-learn's handwritten digits, 8 x 8 pixels, in half a minute; then it is loaded and used. The
# program is `examples/tour.py`; editors that know such cells can run them one by one.

# %%
from functools import partial

import torch
from lightning.pytorch import Trainer
from torch.optim import Adam
from torch.utils.data import DataLoader, Subset

import genlab
from genlab import latent, sheets

quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
digits = genlab.Digits(batch_size=64)
trainer = Trainer(max_epochs=100, **quiet)
trainer.fit(genlab.VAE(image_shape=(1, 8, 8), code_size=8, optimizer=partial(Adam, lr=2e-3)), digits)
trainer.save_checkpoint("tour.ckpt")

# %% [markdown]
# **Load.** A checkpoint knows its model. Samples depend on the seed alone.

# %%
vae = genlab.load("tour.ckpt")
sheets.in_rows(vae.sample(24, seed=0), columns=12, title="Samples").save("tour-samples.png")

# %% [markdown]
# ![Twenty-four samples](tour/tour-samples.png)
#
# **Encode and decode.** Images are floats in [0, 1], (B, C, H, W); PIL images and arrays of bytes work too.

# %%
images = digits.test_set[:12]["image"]
codes = vae.encode(images)  # (12, 8)
kinds = {"input": images, "output": vae.decode(codes)}
sheets.stacked(kinds, columns=12, title="Reconstructions").save("tour-reconstructions.png")

# %% [markdown]
# ![Digits above their reconstructions](tour/tour-reconstructions.png)
#
# **Interpolate.** Each row goes from one image to another through latent space.

# %%
ways = vae.interpolate(images[:3], images[3:6], steps=12)  # (3, 12, 1, 8, 8)
sheets.in_rows(ways.flatten(0, 1), columns=12, title="Interpolations").save("tour-interpolations.png")

# %% [markdown]
# ![Three rows of digits that turn into others](tour/tour-interpolations.png)
#
# **Edit.** The mean code of images with an attribute, minus that of images without it, points towards more of it. Here
# the attribute is width: whether a digit has more ink in the outer columns than the median digit.

# %%
train = digits.train_set[:]
ink = train["image"][..., [0, 1, 6, 7]].sum((1, 2, 3))
wider = latent.attribute_vector(vae.encode(train["image"]), ink > ink.median())
strengths = torch.linspace(-2, 2, 9)
edited = torch.cat([vae.decode(code + strengths[:, None] * wider) for code in codes[[0, 3, 4, 5]]])
labels = [f"{strength:+.1f}" for strength in strengths]
sheets.in_rows(edited, columns=9, title="Wider", column_labels=labels).save("tour-edits.png")

# %% [markdown]
# ![Four digits, narrower and wider](tour/tour-edits.png)
#
# **Fine-tune** the model on zeros alone, from any data loader: its samples become zeros.

# %%
zeros = Subset(digits.train_set, (train["label"] == 0).nonzero().flatten().tolist())
Trainer(max_epochs=20, **quiet).fit(vae, DataLoader(zeros, batch_size=32, shuffle=True))
sheets.in_rows(vae.sample(24, seed=0), columns=12, title="Samples, fine-tuned").save("tour-zeros.png")

# %% [markdown]
# ![Twenty-four zeros](tour/tour-zeros.png)
