"""denoiser deploy"""

import argparse

from ..deploy import DeployError, deploy, listing, space_files, write_copy


def run(options: argparse.Namespace) -> int:
    """Create or update a Space, or only say or write what would be uploaded."""
    if not (options.space or options.dry_run or options.to):
        raise DeployError("name the Space as USER/NAME, or --dry-run, or --to FOLDER")
    files = space_files()
    if options.dry_run:
        print(listing(files))
    elif options.to:
        write_copy(files, options.to)
        print(f"{options.to}: {len(files)} files")
    else:
        print(f"{deploy(options.space, files, options.hardware, options.private)}: {len(files)} files")
    return 0
