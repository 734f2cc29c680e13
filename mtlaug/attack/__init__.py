"""White-box attacks on features and waveforms."""

from mtlaug.attack.methods import METHODS, L2Ball, LinfBall, Plan, Problem, plan, share, worst_cases

__all__ = ["METHODS", "L2Ball", "LinfBall", "Plan", "Problem", "plan", "share", "worst_cases"]
