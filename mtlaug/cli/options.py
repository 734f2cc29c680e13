"""Options that several commands share."""


def add_config(parser) -> None:
    """Add ``--config FILE`` and ``--set block.key=value``."""
    parser.add_argument("--config", required=True, help="YAML file with *_args blocks")
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.KEY=VALUE", help="override one key; may be repeated"
    )
