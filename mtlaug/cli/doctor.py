"""``mtlaug doctor``: is this machine fit?"""


def add_commands(commands) -> None:
    """Add the command ``doctor``."""
    doctor = commands.add_parser("doctor", help="look at the environment, and say how to mend what is broken")
    doctor.set_defaults(run=_doctor)


def _doctor(options) -> int:
    from mtlaug import doctor

    broken = 0
    for finding in doctor.examine():
        mark = "!!" if finding.mend else "ok"
        print(f"{mark} {finding.name:<10} {finding.state}")
        if finding.mend:
            broken += 1
            print(f"   {'':<10} -> {finding.mend}")
    return int(broken > 0)
