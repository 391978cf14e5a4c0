"""Train a two-layer network to read handwritten digits, from NumPy code alone.

The images are scikit-learn's bundled digits: 1797 real scans, 8 by 8 pixels. The loss is an ordinary NumPy
function; `ad.jit(ad.value_and_grad(loss))` turns it into one compiled function of value and gradient,
compiled once for each shape of minibatch (here two: full ones, and the last of an epoch, which is smaller)
and used for every step. A first call would compile when it comes; here both shapes are compiled before the
clock starts, so that training is timed alone.

    python examples/digits.py [--epochs N] [--out digits_loss.png]
"""

import argparse
import time

import numpy as np
from matplotlib.figure import Figure
from rich.progress import Progress
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import autodiff as ad
from autodiff.optim import adam

BATCH = 128
HIDDEN = 128


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Train a small network on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", default="digits_loss.png", help="where the picture of the loss goes")
    options = parser.parse_args(arguments)

    train_x, test_x, train_y, test_y = load_data()
    rng = np.random.default_rng(0)
    params = initial_params(rng)
    optimizer = adam(2e-3)
    state = optimizer.init(params)
    step = ad.jit(ad.value_and_grad(loss), timed=True)
    update = ad.jit(optimizer.update, timed=True)

    start = time.perf_counter()
    for size in {min(BATCH, len(train_x)), len(train_x) % BATCH} - {0}:
        _, grads = step(params, train_x[:size], train_y[:size])
    update(grads, state, params)
    compiling = time.perf_counter() - start

    losses = []
    kernels = kernel_seconds(step, update)
    start = time.perf_counter()
    with Progress() as progress:
        task = progress.add_task("training", total=options.epochs)
        for _ in range(options.epochs):
            for batch in minibatches(rng, len(train_x)):
                value, grads = step(params, train_x[batch], train_y[batch])
                params, state = update(grads, state, params)
                losses.append(float(value))
            progress.update(task, advance=1, description=f"loss {losses[-1]:.4f}")
    seconds = time.perf_counter() - start
    kernels = kernel_seconds(step, update) - kernels

    accuracy = float(np.mean(np.argmax(scores(params, test_x), axis=1) == test_y))
    draw(losses, options.out)
    print(f"compilations    {step.cache_info().misses} of the loss (one a shape of minibatch), "
          f"{update.cache_info().misses} of the optimiser: {compiling:.2f} s")
    print(f"training        {len(losses)} steps in {seconds:.2f} s: {len(losses) / seconds:.0f} steps/s, "
          f"{kernels / seconds:.0%} of the time in kernels")
    print(f"test accuracy   {accuracy:.4f}")
    print(f"loss curve      {options.out}")
    return accuracy


def kernel_seconds(*compiled):
    """Time spent inside compiled code so far."""
    return sum(f.cache_info().kernel_seconds for f in compiled)


def load_data():
    """Pixels scaled to 0..1 and labels; a quarter of the images is kept for the test."""
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images / 16.0, labels, test_size=0.25, random_state=0, stratify=labels)


def initial_params(rng):
    """Weights drawn with variance 2 / (number of inputs), biases zero."""
    return {
        "hidden": {"w": rng.normal(size=(64, HIDDEN)) * np.sqrt(2 / 64), "b": np.zeros(HIDDEN)},
        "output": {"w": rng.normal(size=(HIDDEN, 10)) * np.sqrt(2 / HIDDEN), "b": np.zeros(10)},
    }


def scores(params, x):
    """One score for each digit, for each image: shape (n, 64) -> (n, 10)."""
    hidden = np.maximum(x @ params["hidden"]["w"] + params["hidden"]["b"], 0)
    return hidden @ params["output"]["w"] + params["output"]["b"]


def loss(params, x, y):
    """Mean cross-entropy: how surprised the network is by the right answers."""
    z = scores(params, x)
    z = z - np.max(z, axis=1, keepdims=True)
    log_probability = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(log_probability[np.arange(len(y)), y])


def minibatches(rng, n):
    """A new order every epoch, in pieces of `BATCH`; the last piece is what is left."""
    order = rng.permutation(n)
    for first in range(0, n, BATCH):
        yield order[first:first + BATCH]


def draw(losses, path):
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    axes.semilogy(losses, linewidth=0.8)
    axes.set(xlabel="step", ylabel="loss of the minibatch", title="Handwritten digits, two-layer network")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
