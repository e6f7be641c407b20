"""denoiser push"""

import argparse

from ..hub.push import model_files, push, with_card, write_folder


def run(options: argparse.Namespace) -> int:
    """Put trained models into a repository on the Hub, or only write what would be put there to a folder."""
    if options.to:
        files = with_card(model_files(options.models), options.repository)
        write_folder(files, options.to)
        print(f"{options.to}: {len(files)} files")
    else:
        print(push(options.repository, options.models, options.private))
    for name in dict.fromkeys(options.models):
        print(f'  load_model("hf://{options.repository}/{name}")')
    return 0
