"""Parts and unions of data directories: split, subset, combine."""

import pytest
from data_dirs import UTTERANCES, cut_ids, ids, tables, use_segments, write_cuts

from mtlaug import datadir
from mtlaug.files import UserError


def test_split_keeps_speakers_together(data):
    assert datadir.split(data, 2) == str(data / "split2")
    assert ids(data / "split2/1") == ["a-1", "a-2", "a-3"]
    assert ids(data / "split2/2") == ["b-1", "b-2", "c-1"]
    assert ids(data / "split2/2", "spk2gender") == ["b", "c"]
    assert [datadir.validate(data / "split2" / part, need_text=True) for part in ("1", "2")] == [3, 3]
    assert not list(data.glob(".tmp*"))


def test_kaldis_statistics_of_speakers_are_left_alone(data):
    text = "".join(f"{speaker} /kaldi/cmvn.ark:{number}\n" for number, speaker in enumerate("abc"))
    (data / "cmvn.scp").write_text(text)
    assert datadir.validate(data) == 6
    datadir.split(data, 2)
    datadir.subset(data, data.parent / "one", first=1)
    datadir.fix(data)
    assert (data / "cmvn.scp").read_text() == text
    datadir.fix(data, remove={"a-1": "noisy", "a-2": "noisy", "a-3": "noisy"})
    assert datadir.validate(data) == 3 and not (data / "cmvn.scp").exists()
    assert not (data / "split2/1/cmvn.scp").exists() and not (data.parent / "one/cmvn.scp").exists()


@pytest.mark.parametrize("n", range(1, 13))
def test_split_loses_nothing_and_is_balanced(tmp_path, n):
    sizes = [9, 1, 1, 5, 2, 8, 3, 1, 1, 1, 7, 4]
    utterances = {f"{65 + k}-{number}": f"{65 + k}" for k, size in enumerate(sizes) for number in range(size)}
    datadir.write(tmp_path, tables(utterances))
    for per_speaker, suffix in ((True, ""), (False, "utt")):
        datadir.split(tmp_path, n, per_speaker=per_speaker)
        parts = [ids(tmp_path / f"split{n}{suffix}" / str(part)) for part in range(1, n + 1)]
        assert [name for part in parts for name in part] == sorted(utterances)
        lengths = list(map(len, parts))
        assert min(lengths) >= 1
        assert per_speaker or max(lengths) - min(lengths) <= 1
        assert not per_speaker or max(lengths) <= len(utterances) / n + max(sizes)


def test_split_of_segments_cuts_and_frame_shift(data):
    use_segments(data)
    (data / "frame_shift").write_text("0.01\n")
    write_cuts(data, UTTERANCES)
    datadir.split(data, 2)
    assert ids(data / "split2/1", "wav.scp") == ["r1"]
    assert cut_ids(data / "split2/2") == ["b-1", "b-2", "c-1"]
    assert (data / "split2/2/frame_shift").read_text() == "0.01\n"
    assert datadir.validate(data / "split2/2") == 3
    for name in ("wav.scp", "segments"):  # as of a directory of copies
        (data / name).unlink()
    datadir.split(data, 3)
    assert cut_ids(data / "split3/3") == ["c-1"] and not (data / "split3/3/wav.scp").exists()


def test_split_into_too_many_parts(data):
    with pytest.raises(UserError, match="cannot split 3 speakers into 4 parts; use --nj 3 or less, or --per-utt"):
        datadir.split(data, 4)
    with pytest.raises(UserError, match="cannot split 6 utterances into 7 parts"):
        datadir.split(data, 7, per_speaker=False)
    with pytest.raises(UserError):
        datadir.split(data, 0)
    assert not list(data.glob("split*"))


def test_split_is_made_again_only_after_a_change(data):
    datadir.split(data, 2)
    inode = (data / "split2").stat().st_ino
    datadir.split(data, 2)
    assert (data / "split2").stat().st_ino == inode
    (data / "text").unlink()
    datadir.split(data, 2)
    assert not (data / "split2/1/text").exists()
    (data / "utt2lang").write_text("".join(f"{utterance} de\n" for utterance in UTTERANCES))
    datadir.split(data, 2)
    assert (data / "split2/1/utt2lang").exists()
    (data / "split2/2/wav.scp").unlink()
    datadir.split(data, 2)
    assert ids(data / "split2/2", "wav.scp") == ["b-1", "b-2", "c-1"]


def test_subset_by_lists_and_numbers(data, tmp_path):
    listed = tmp_path / "list"
    listed.write_text("b-2 ignored\na-1\n")
    assert datadir.subset(data, tmp_path / "y", utt_list=listed) == 2
    assert ids(tmp_path / "y") == ["a-1", "b-2"]
    listed.write_text("c\nb\n")
    assert datadir.subset(data, tmp_path / "y", spk_list=listed) == 3
    assert datadir.subset(data, tmp_path / "y", first=2) == 2
    assert ids(tmp_path / "y") == ["a-1", "a-2"]
    assert datadir.subset(data, tmp_path / "y", per_spk=2) == 5
    assert datadir.validate(tmp_path / "y", need_text=True) == 5
    (tmp_path / "y/utt2lang").write_text("old de\n")
    assert datadir.subset(data, tmp_path / "y", count=4) == 4
    assert datadir.validate(tmp_path / "y", need_text=True) == 4


def test_random_subset_depends_on_ids_and_seed_only(tmp_path):
    many = {f"s-{number:03}": "s" for number in range(200)}
    datadir.write(tmp_path / "all", tables(many))
    datadir.write(tmp_path / "half", tables(dict.fromkeys(list(many)[::2], "s")))
    for seed in (0, 1):
        datadir.subset(tmp_path / "all", tmp_path / f"a{seed}", count=50, seed=seed)
    datadir.subset(tmp_path / "half", tmp_path / "h", count=50)
    first, other = ids(tmp_path / "a0"), ids(tmp_path / "a1")
    assert first != other
    # An utterance's rank does not change when others go.
    assert {name for name in first if int(name[2:]) % 2 == 0} <= set(ids(tmp_path / "h"))


def test_subset_refuses(data, tmp_path):
    (tmp_path / "list").write_text("a-1\nnone\n")
    (tmp_path / "empty").write_text("\n")
    link = tmp_path / "link"
    link.symlink_to(data)
    for options, message in [
        ({"utt_list": tmp_path / "list"}, "'none' .1 in all. is no utterance"),
        ({"spk_list": tmp_path / "list"}, "'a-1' .2 in all. is no speaker"),
        ({"utt_list": tmp_path / "empty"}, "names nothing"),
        ({"utt_list": tmp_path / "absent"}, "no such file"),
        ({"count": 7}, "cannot take 7 of 6"),
        ({"first": 0}, "cannot take 0"),
        ({"first": 1, "count": 1}, "exactly one"),
        ({}, "exactly one"),
    ]:
        with pytest.raises(UserError, match=message):
            datadir.subset(data, tmp_path / "y", **options)
    assert not (tmp_path / "y").exists()
    with pytest.raises(UserError, match="is the source"):
        datadir.subset(data, link, count=1)
    assert datadir.validate(data) == 6


def test_combine_joins_and_says_what_it_leaves_out(data, tmp_path):
    datadir.write(tmp_path / "y", {**tables({"c-9": "c", "d-1": "d"}), "utt2lang": {"c-9": "de", "d-1": "de"}})
    (tmp_path / "y/text").unlink()
    combined = datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert combined == (8, {"text": f"not in {tmp_path / 'y'}", "utt2lang": f"not in {data}"})
    assert datadir.validate(tmp_path / "z") == 8
    assert datadir.read(tmp_path / "z", "spk2utt")["c"] == "c-1 c-9"
    # An older target keeps none of the files that are left out now.
    datadir.combine(tmp_path / "z", [data])
    datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert not (tmp_path / "z/text").exists()


def test_combine_refuses(data, tmp_path):
    datadir.write(tmp_path / "y", tables({"a-2": "a"}))
    with pytest.raises(UserError, match=r"'a-2' is in .*my data/x too"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    with pytest.raises(UserError, match="is a source too"):
        datadir.combine(data, [data, tmp_path / "y"])
    datadir.write(tmp_path / "y", {**tables({"a-9": "a"}), "spk2gender": {"a": "m"}})
    with pytest.raises(UserError, match=r"'a' is in .* too, with 'f' instead of 'm'"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    datadir.write(tmp_path / "y", {"utt2spk": {"e-1": "e"}})
    write_cuts(tmp_path / "y", ["e-1"])
    with pytest.raises(UserError, match="share none"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    for directory, shift in ((data, "0.01"), (tmp_path / "y", "0.02")):
        (directory / "frame_shift").write_text(shift + "\n")
        (directory / "feats.scp").write_text("".join(f"{name} x\n" for name in ids(directory)))
    with pytest.raises(UserError, match="'frame_shift' is in"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert not (tmp_path / "z").exists()


def test_combine_segments_with_whole_recordings(data, tmp_path):
    use_segments(data)
    datadir.write(tmp_path / "y", tables({"d-1": "d"}))
    with pytest.raises(UserError, match="needs utt2dur"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    (tmp_path / "y/utt2dur").write_text("d-1 2.5\n")
    datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert datadir.read(tmp_path / "z", "segments")["d-1"] == "d-1 0 2.5"
    assert datadir.validate(tmp_path / "z") == 7


def test_combine_cuts(data, tmp_path):
    """In C order, which the extraction of features wants, whatever directory they are from."""
    for name, names in (("x", ["a-1", "c-1"]), ("y", ["b-1"])):
        datadir.write(tmp_path / name, {"utt2spk": {utterance: utterance[0] for utterance in names}})
        write_cuts(tmp_path / name, names)
    datadir.combine(tmp_path / "z", [tmp_path / "x", tmp_path / "y"])
    assert cut_ids(tmp_path / "z") == ["a-1", "b-1", "c-1"]
    assert datadir.validate(tmp_path / "z") == 3
    write_cuts(tmp_path / "z", ["a-1", "c-1", "b-1"])
    with pytest.raises(UserError, match=r"cuts\.jsonl\.gz:3: utterance 'b-1' is out of order; make the manifest again"):
        datadir.validate(tmp_path / "z")


def test_combine_keeps_what_was_dropped(data, tmp_path):
    datadir.write(tmp_path / "y", tables({"d-1": "d"}), dropped={"d-2": "is silent"})
    datadir.write_dropped(data, {"a-9": "no file"})
    datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert datadir.read_dropped(tmp_path / "z") == {"a-9": "no file", "d-2": "is silent"}


def test_what_features_were_made_with_does_not_stay_beside_others(data, tmp_path):
    datadir.write(tmp_path / "y", tables({"d-1": "d"}))
    target = tmp_path / "z"
    target.mkdir()
    for make in (
        lambda: datadir.combine(target, [data, tmp_path / "y"]),
        lambda: datadir.subset(data, target, first=2),
    ):
        (target / "feature_args.json").write_text("{}")
        make()
        assert not (target / "feature_args.json").exists()
