"""AdamW, started at once."""

from inspect import unwrap

import torch


class AdamW(torch.optim.AdamW):
    """Torch's own AdamW (Loshchilov and Hutter 2019), which computes the same and leaves torch's compiler alone.

    Torch wraps these methods to keep them out of what it compiles, and to do so imports the compiler when one is
    first called: a second of every training, and its memory, for nothing, as nothing is compiled here.
    """

    add_param_group = unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = unwrap(torch.optim.AdamW.zero_grad)
    state_dict = unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = unwrap(torch.optim.AdamW.load_state_dict)
    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))
