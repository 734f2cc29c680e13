"""The espeak-ng speech synthesiser, called through the library that the ``espeakng-loader`` package carries.

Using that copy rather than the machine's own espeak-ng makes the corpus the same everywhere.
The library keeps its state in globals, and what it spoke before changes the next utterance a little:
for the same samples every time, speak the same utterances in the same order, in a process forked from a fresh
`Synthesiser`.
"""

import ctypes

import numpy as np

from mtlaug.files import UserError

# From espeak-ng's speak_lib.h; the library has no other way to tell them.
_SYNCHRONOUS = 2  # espeak_Synth returns when the utterance is finished; audio goes to the callback
_DONT_EXIT = 0x8000  # report a failed start instead of ending the process
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}
_EE_OK = 0
_RANDOM_STATE = 1  # of the generator behind breath and frication; it is the C library's, which others may have used

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Synthesiser:
    """One running espeak-ng; make only one a process.

    Attributes:
        rate: sampling rate of what `speak` returns, Hz.
    Raises:
        UserError: the package or its library cannot be loaded or started.
    """

    def __init__(self):
        self._library, data_path = _load_library()
        self._chunks: list[np.ndarray] = []
        self._callback = _CALLBACK(self._collect)  # kept: ctypes holds no reference of its own
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data_path.encode(), _DONT_EXIT)
        if self.rate <= 0:
            raise UserError(f"espeak-ng does not start with its data in {data_path}; run tools/install.sh again")
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, **parameters: int) -> np.ndarray:
        """Synthesise ``text``.

        Args:
            text: what to say.
            voice: an espeak-ng voice, a variant after a plus sign: ``en-us+f2``.
            parameters: any of ``rate`` (words a minute), ``volume`` (0 to 200),
                ``pitch`` and ``range`` (0 to 99, 50 is the voice's own).
        Returns:
            int16 samples at ``self.rate``, shape ``(T,)``.
        Raises:
            UserError: the voice or a value is refused, or no sound came out.
        """
        # Choosing a voice also resets the parameters, so it comes first.
        self._check(self._library.espeak_SetVoiceByName(voice.encode()), f"voice {voice!r}")
        for name, value in parameters.items():
            self._check(self._library.espeak_SetParameter(_PARAMETERS[name], int(value), 0), f"{name} {value}")
        self._library.espeak_ng_SetRandSeed(_RANDOM_STATE)
        self._chunks = []
        encoded = text.encode()
        size = len(encoded) + 1
        status = self._library.espeak_Synth(encoded, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        self._check(status, f"text {text!r}")
        if not self._chunks:
            raise UserError(f"espeak-ng made no sound for {text!r} with voice {voice!r}")
        return np.concatenate(self._chunks)

    def _collect(self, samples, count, _events) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0  # go on

    @staticmethod
    def _check(status: int, what: str) -> None:
        if status != _EE_OK:
            raise UserError(f"espeak-ng refuses the {what} (code {status})")


def _load_library() -> tuple[ctypes.CDLL, str]:
    """The library with its argument types declared, and the folder of its data."""
    try:
        import espeakng_loader
    except ImportError:
        raise UserError("the espeakng-loader package is missing; run tools/install.sh") from None
    path = espeakng_loader.get_library_path()
    try:
        library = ctypes.CDLL(path)
        data_path = espeakng_loader.get_data_path()
    except (OSError, RuntimeError) as error:
        raise UserError(f"{path}: espeak-ng cannot be loaded ({error}); run tools/install.sh again") from None
    c_int, c_uint, c_char_p = ctypes.c_int, ctypes.c_uint, ctypes.c_char_p
    library.espeak_Initialize.argtypes = [c_int, c_int, c_char_p, c_int]
    library.espeak_SetSynthCallback.argtypes = [_CALLBACK]
    library.espeak_SetVoiceByName.argtypes = [c_char_p]
    library.espeak_SetParameter.argtypes = [c_int, c_int, c_int]
    pointer = ctypes.c_void_p
    library.espeak_Synth.argtypes = [c_char_p, ctypes.c_size_t, c_uint, c_int, c_uint, c_uint, pointer, pointer]
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    return library, data_path
