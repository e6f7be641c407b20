"""An autoencoder in plain PyTorch that denoises stacks in a folder: python scripts/outside/torch_autoencoder.py

denoiser noisy --out runs/other/noisy; denoiser evaluate runs/other/torch
"""

import numpy as np
import torch
from digits import FOLDER, noisy, training_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    """Train on noisy digits, then denoise each stack of the folder `noisy` into the folder `torch`."""
    torch.manual_seed(0)
    clean = training_digits()
    pairs = TensorDataset(*(torch.from_numpy(p).unsqueeze(1) for p in (noisy(clean, np.random.default_rng(0)), clean)))
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 3, stride=2, padding=1, output_padding=1),
        nn.Sigmoid(),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    for epoch in range(5):
        for y, x in DataLoader(pairs, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            loss = criterion(model(y), x)
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: {loss.item():.4f}")

    model.eval()
    (FOLDER / "torch").mkdir(parents=True, exist_ok=True)
    for path in sorted((FOLDER / "noisy").glob("*.npy")):
        with torch.no_grad():
            parts = [model(part) for part in torch.from_numpy(np.load(path)).split(500)]
        np.save(FOLDER / "torch" / path.name, torch.cat(parts).numpy())


if __name__ == "__main__":
    main()
