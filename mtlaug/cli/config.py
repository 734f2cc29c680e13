"""``mtlaug config``: the reference of the configuration."""


def add_commands(commands) -> None:
    """Add the command ``config``."""
    config = commands.add_parser("config", help="print every key of the configuration with its meaning and default")
    config.set_defaults(run=_config)


def _config(options) -> None:
    from mtlaug import reference

    print(reference.write(), end="")
