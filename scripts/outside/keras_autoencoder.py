"""A convolutional autoencoder in Keras, exported as ONNX: python scripts/outside/keras_autoencoder.py

pip install keras; denoiser evaluate runs/other/keras.onnx
"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from digits import FOLDER, noisy, training_digits
from keras import layers

keras.utils.set_random_seed(0)
x = training_digits()
y = noisy(x, np.random.default_rng(0))

autoencoder = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ]
)
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
autoencoder.fit(y[..., None], x[..., None], epochs=5, batch_size=64, verbose=2)
FOLDER.mkdir(parents=True, exist_ok=True)
autoencoder.export(str(FOLDER / "keras.onnx"), format="onnx")
