"""A made-up IEMOCAP in the layout of the release, with its oddities; the speech is tones in noise."""

from dataclasses import dataclass, field
from pathlib import Path

import soundfile
from corpus import RATE, speech

SESSIONS = (1, 2, 3, 4, 5)
CODES = ("ang", "hap", "exc", "neu", "sad")
AVD = "3.0000, 2.5000, 2.0000"  # V, A, D
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"


@dataclass
class Dialogue:
    """One dialogue: its turns' labels as lines, its transcription, and its audio, written by `write`.

    Turns last 0.3 s, and those of woman and man take turns; ``words`` False leaves out their words.
    """

    name: str
    labels: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)

    def add(self, turn: str, code: str, avd: str = AVD, *, words: str | None = "some words") -> str:
        """A turn, such as ``M000``, with ``code`` and the ratings V, A, D; returns its whole name."""
        name = f"{self.name}_{turn}"
        start = 6.25 + 2 * len(self.labels)
        self.labels.append(
            f"[{start:.4f} - {start + 1:.4f}]\t{name}\t{code}\t[{avd}]\n"
            f"C-E1:\tNeutral;\t()\nC-E2:\tNeutral; Frustration;\t(a comment)\nC-F1:\tAnger;\t()\n"
            f"A-E1:\tval 3; act 2; dom  2;\t()\nA-M1:\tval 2; act 2; dom  ;\t()\n\n"
        )
        if words is not None:
            self.words.append(f"{name} [{start:08.4f}-{start + 1:08.4f}]: {words}\n")
        self.turns.append(name)
        return name

    @property
    def place(self) -> str:
        """File name and line of the last label."""
        above = HEADER + "".join(self.labels[:-1])
        return f"{self.name}.txt:{above.count(chr(10)) + 1}"

    def write(self, corpus: Path, *, newline: str = "\n", audio: bool = True) -> None:
        """Write labels, transcription and audio of the dialogue below ``corpus``/Session<n>."""
        session = corpus / f"Session{self.name[4]}"
        for folder, text in (
            ("EmoEvaluation", HEADER + "".join(self.labels)),
            ("transcriptions", "".join(self.words)),
        ):
            path = session / "dialog" / folder / f"{self.name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline=newline)
        for turn in self.turns if audio else ():
            write_turn(corpus, turn)


def path_of(corpus: Path, turn: str) -> Path:
    """Where the audio of a turn lies."""
    return corpus / f"Session{turn[4]}" / "sentences" / "wav" / turn.rpartition("_")[0] / f"{turn}.wav"


def write_turn(corpus: Path, turn: str) -> Path:
    """Write 0.3 s of speech, another for each name."""
    path = path_of(corpus, turn)
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(turn.encode()) % 1_000_003
    soundfile.write(path, speech(0.3, 150 + seed % 400, seed), RATE)
    return path


def make_corpus(corpus: Path, sessions=SESSIONS) -> Path:
    """Of each session an improvised dialogue of woman and man in all five labels, and a scripted one; 14 turns.

    Markers are worn by the woman in the improvised, by the man in the scripted one, whose words recur.
    """
    for session in sessions:
        improvised = Dialogue(f"Ses0{session}F_impro01")
        for number, code in enumerate(CODES):
            for letter in "FM":
                improvised.add(f"{letter}{number:03}", code, words=f"words {session} {letter} {number}")
        scripted = Dialogue(f"Ses0{session}M_script01_1b")
        for number, code in enumerate(("ang", "sad")):
            for letter in "FM":
                scripted.add(f"{letter}{number:03}", code, words=f"line {number} of {letter}")
        improvised.write(corpus)
        scripted.write(corpus)
    return corpus


def add_oddities(corpus: Path) -> dict[str, str]:
    """What a real copy has beside well-formed turns, in session 1; returns what dropped.tsv must say: name to words.

    Of the session's turns 24 remain: the 14 of `make_corpus`, and 10 of Ses01M_impro08b.
    """
    odd = Dialogue("Ses01M_impro08b")
    odd.add("FXX0", "fru", "nan, 4.0000, 3.0000", words=None)
    odd.add("MXX1", "xxx", "2.5, 3.5")  # the rating of dominance is missing
    for number, code in enumerate(("fea", "sur", "dis", "oth", "neu", "neu")):
        odd.add(f"F{number:03}", code, words="[LAUGHTER]")
    odd.add("M000", "hap", " , NaN, 1")
    odd.add("M001", "neu")
    odd.labels.append(odd.labels[-1])  # the same block again
    repeated = odd.place
    contradicted = odd.add("M002", "neu")
    odd.labels.append(odd.labels[-1].replace("\tneu\t", "\tang\t"))
    strange = odd.add("M003", "bla")
    badly_named = odd.add("Q001", "neu")
    odd.turns.remove(badly_named)
    odd.labels.append("[1.0 - 2.0]\tSes01M_impro08b_M009\n")
    broken = odd.place
    odd.words.append("M: [BREATHING]\nF: \n")
    odd.write(corpus, newline="\r\n")
    silent = Dialogue("Ses01F_impro02")
    without_audio = silent.add("F000", "neu")
    silent.write(corpus, audio=False)
    without_label = write_turn(corpus, "Ses01F_impro03_F000").stem

    evaluation = corpus / "Session1/dialog/EmoEvaluation"
    for folder in ("Attribute", "Categorical", "Self-evaluation"):
        (evaluation / folder).mkdir()
        (evaluation / folder / "Ses01F_impro01_e1.txt").write_text("[1 - 2]\tSes01F_impro01_F777\tneu\t[1, 1, 1]\n")
    (evaluation / "._Ses01F_impro01.txt").write_bytes(b"\0\5\26\7\xff[1 - 2]\n")
    hidden = path_of(corpus, "Ses01F_impro01_F000")
    (hidden.parent / f"._{hidden.name}").write_bytes(b"\0\5\26\7")
    dialogue = corpus / "Session1/dialog/wav/Ses01F_impro01.wav"
    dialogue.parent.mkdir()
    soundfile.write(dialogue, speech(0.3), RATE)
    return {
        contradicted: "has two different labels",
        strange: "emotion bla is none of ang",
        badly_named: "not named as a turn of IEMOCAP",
        without_audio: "labelled, but without an audio file",
        without_label: "audio without a label",
        repeated: "repeats a turn with the same label",
        broken: "not as '[start - end] turn emotion [V, A, D]'",
    }
