"""Labeling configs: what is read of them, and what is refused before anything reads it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.labeling_config import (
    MAX_BYTES,
    ImageTag,
    LabelingConfig,
    parse_labeling_config,
    read_labeling_config,
)

IMAGE = '<Image name="image" value="$image"/>'
CHOICES = '<Choices name="kind" toName="image"><Choice value="a"/></Choices>'


def test_controls_labels_and_the_image_key_are_read_in_order() -> None:
    config = parse_labeling_config(
        """<View><Header value="What is it?"/><Image name="photo" value="$picture"/>
        <Choices name="kind" toName="photo"><Choice value="cat"/>
          <Choice value="a dog" alias="dog"/></Choices>
        <RectangleLabels name="boxes" toName="photo, other"><Label value="head"/>
          <Label value="cat"/></RectangleLabels></View>"""
    )
    assert config.image_key == "picture"
    assert [(c.name, c.type, c.to_names) for c in config.controls.values()] == [
        ("kind", "choices", ("photo",)),
        ("boxes", "rectanglelabels", ("photo", "other")),
    ]
    assert config.labels == ("cat", "dog", "head")


def test_the_first_image_gives_the_key_also_where_it_is_a_list() -> None:
    image = '<Image name="image" valueList="$pages"/>'
    assert parse_labeling_config(f"<View>{image}{CHOICES}</View>").image_key == "pages"


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    text = f"<View>{IMAGE}{CHOICES}</View>"
    (tmp_path / "config.xml").write_text(text, encoding="utf-8-sig")
    assert read_labeling_config(tmp_path / "config.xml").text == text


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><View>&j;</View>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><View>&e;</View>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "DTDForbidden"),
        (OUTSIDE, "DTDForbidden"),
        ('<!DOCTYPE View SYSTEM "http://127.0.0.1:1/x.dtd"><View/>', "DTDForbidden"),
        ("<View>", "ParseError"),
        ("", "ParseError"),
        ("not XML", "ParseError"),
        (f"<View>{IMAGE}</View>", "has no control tag"),
        (f"<View>{CHOICES}</View>", "shows no image"),
        ('<View><Image name="i" value="fixed.png"/>' + CHOICES + "</View>", "shows no image"),
        ("<a>" * 200 + "</a>" * 200, "nests tags more than 100 deep"),
        ("<!--" + "x" * MAX_BYTES + "--><View/>", "at most"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_labeling_config(text, "config.xml")
    assert raised.value.message.startswith("config.xml")
    assert words in str(raised.value)
    assert "hostname" not in str(raised.value)


def test_a_config_made_to_take_for_ever_is_refused_in_a_moment() -> None:
    control = '<a name="n" toName="i">'
    deep = control * (MAX_BYTES // 27) + "</a>" * (MAX_BYTES // 27)
    began = time.monotonic()
    with pytest.raises(ConfigurationError):
        parse_labeling_config(deep)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * (MAX_BYTES + 1)])
def test_a_file_that_is_no_config_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.xml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"config\.xml"):
        read_labeling_config(tmp_path / "config.xml")


def test_a_missing_file_says_where_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as raised:
        read_labeling_config(tmp_path / "config.xml")
    assert "under [project]" in raised.value.next_step


texts = st.text(max_size=12) | st.sampled_from(["$image", "image", "kind", "&lt;", "<", "\x00"])
attributes = st.dictionaries(
    st.sampled_from(["name", "toName", "value", "valueList", "alias", "x"]), texts, max_size=4
)
tags = st.sampled_from(["View", "Image", "Choices", "Choice", "Label", "画", "a:b", "<"])
trees = st.recursive(
    st.tuples(tags, attributes, st.just([])),
    lambda inner: st.tuples(tags, attributes, st.lists(inner, max_size=4)),
    max_leaves=12,
)


def markup(tree: tuple[str, dict[str, str], list[object]]) -> str:
    tag, given_attributes, children = tree
    inner = "".join(markup(child) for child in children)  # type: ignore[arg-type]
    pairs = "".join(f' {name}="{value}"' for name, value in given_attributes.items())
    return f"<{tag}{pairs}>{inner}</{tag}>"


@given(trees.map(markup) | st.text(max_size=100) | st.text('<>/="! ViewImage&;', max_size=100))
def test_any_text_is_a_config_or_one_of_our_errors(text: str) -> None:
    try:
        config = parse_labeling_config(text)
    except ConfigurationError as error:
        assert str(error)
    else:
        assert isinstance(config, LabelingConfig)
        assert config.controls


def test_what_annotations_are_read_by_is_told_apart() -> None:
    config = parse_labeling_config(
        """<View><Image name="left" value="$left"/><Image name="right" valueList="$pages"/>
        <Taxonomy name="kind" toName="left"><Choice value="animal"><Choice value="cat"/></Choice>
        </Taxonomy><Rating name="stars" toName="left" maxRating="3"/>
        <Choices name="part" toName="left" perRegion="true"><Choice value="tail"/></Choices>
        <TextArea name="words" toName="right"/></View>"""
    )
    assert config.images["right"] == ImageTag("right", "pages", several=True)
    assert [image.name for image in config.labeled_images()] == ["left"]
    assert [control.name for control in config.classifying()] == ["kind", "stars", "part"]
    assert config.classes() == (
        ("kind", "animal"),
        ("kind", "animal/cat"),
        ("stars", "1"),
        ("stars", "2"),
        ("stars", "3"),
    )
    assert "words" in config.controls
