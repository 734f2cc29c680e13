"""A made-up MSP-IMPROV in the layout of the release, with its oddities; the speech is tones in noise."""

from pathlib import Path

import soundfile
from corpus import RATE, speech

SESSIONS = (1, 2, 3, 4, 5, 6)
RATER = "rater_p01; Neutral; Neutral,Concerned; A:3.000000; V:3.000000; D:3.000000; N:4.000000;\n"
UNSURE_RATER = "rater_p02; Happy; Happy; A:2.000000; V:4.000000; D:NaN; N:4.000000;\n"
EXTRA = 4  # odd turns of `add_oddities` that stay


def block(turn: str, code: str, a: object = 2.8, v: object = 3.2, d: object = 3.0) -> str:
    """A turn's block in the label file: consensus, two raters, an empty line."""
    a, v, d = (f"{value:.6f}" if isinstance(value, float) else value for value in (a, v, d))
    return f"UTD-IMPROV-{turn}.avi; {code}; A:{a}; V:{v}; D:{d} ; N:4.100000;\n{RATER}{UNSURE_RATER}\n"


def path_of(audio: Path, turn: str) -> Path:
    """Where the audio of a turn lies below the folder of the sessions."""
    sentence, speaker, condition, _ = turn.split("-")
    return audio / f"session{speaker[-1]}" / sentence / condition / f"MSP-IMPROV-{turn}.wav"


def write_turn(audio: Path, turn: str) -> Path:
    """Write 0.3 s of speech, another for each name."""
    path = path_of(audio, turn)
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(turn.encode()) % 1_000_003
    soundfile.write(path, speech(0.3, 150 + seed % 400, seed), RATE)
    return path


def turns_of(session: int) -> dict[str, str]:
    """The 16 turns of a session to their labels: both speakers, four conditions, two intended emotions.

    The labels go round, so that they are other ones than the intended emotions.
    """
    names = [
        f"S{sentence}-{letter}0{session}-{condition}-{letter}{'MF'[letter == 'M']}01"
        for letter in "FM"
        for condition in "PRST"
        for sentence in ("01A", "20H")
    ]
    return {name: "NSAHAHNS"[number % 8] for number, name in enumerate(names)}


def make_corpus(corpus: Path, sessions=SESSIONS, *, labels: str = "Evalution.txt", audio: str = "") -> Path:
    """16 turns a session; ``labels`` and ``audio`` are the file and the folder that copies differ in."""
    blocks = []
    for session in sessions:
        for turn, code in turns_of(session).items():
            write_turn(corpus / audio, turn)
            blocks.append(block(turn, code))
    (corpus / labels).parent.mkdir(parents=True, exist_ok=True)
    (corpus / labels).write_text("".join(blocks))
    return corpus


def add_oddities(corpus: Path) -> dict[str, str]:
    """What a real copy has beside well-formed turns, in session 1; returns what dropped.tsv must say: name to words.

    The label file gets Windows line ends, and loses the empty line between some blocks.
    """
    path = corpus / "Evalution.txt"
    text = path.read_text().replace("\n\n", "\n", 5)
    text += block("S02N-F01-P-FM01", "X", "NaN", "NaN", "NaN")
    text += block("S02N-F01-P-FM02", "O", "2.5", "", 1.5)
    text += "UTD-IMPROV-S02N-M01-T-MF11.avi; N;\n\n"
    repeated = f"Evalution.txt:{text.count(chr(10)) + 5}"
    text += 2 * block("S02N-M01-T-MF12", "H")
    text += block("S03S-M01-R-MF01", "A") + block("S03S-M01-R-MF01", "S")
    text += block("S03S-M01-R-MF02", "Q") + block("S03S-M01-R-MF03", "N") + block("S03S-X09-R-MF04", "N")
    broken = f"Evalution.txt:{text.count(chr(10)) + 1}"
    text += "UTD-IMPROV-S03S-M01-R-MF05.avi N A:1\n"
    path.write_text(text, newline="\r\n")
    for turn in ("S02N-F01-P-FM01", "S02N-F01-P-FM02", "S02N-M01-T-MF11", "S02N-M01-T-MF12", "S03S-M01-R-MF01"):
        write_turn(corpus, turn)
    without_label = write_turn(corpus, "S04A-F01-S-FM01")
    (without_label.parent / f"._{without_label.name}").write_bytes(b"\0\5\26\7")
    (corpus / "._Evalution.txt").write_bytes(b"\0\5\26\7")
    stray = corpus / "session1" / "UTD-IMPROV-S01A-F01-P-FM99.wav"
    stray.write_bytes(without_label.read_bytes())
    return {
        repeated: "repeats a turn with the same label",
        broken: "not as 'UTD-IMPROV-name.avi; emotion;",
        "MSP-IMPROV-S03S-M01-R-MF01": "has two different labels",
        "MSP-IMPROV-S03S-M01-R-MF02": "emotion Q is none of A H S N O X",
        "MSP-IMPROV-S03S-M01-R-MF03": "labelled, but without an audio file",
        "MSP-IMPROV-S03S-X09-R-MF04": "not named as a turn of MSP-IMPROV",
        without_label.stem: "audio without a label",
        stray.stem: "not named as a turn of MSP-IMPROV",
    }
