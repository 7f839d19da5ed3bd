"""Every public function and class with rubbish for its arguments: it works, or says in a sentence why not."""

from functools import partial

import pytest
from calls import CALLS
from hypothesis import given, settings
from hypothesis import strategies as st
from rubbish import FUNCTIONS, RUBBISH, WORST, NoRefusal, check_sentence, works_or_refuses

import torusflow as tfl

# Of each entry, of which there are about 200: 8,000 fuzzed calls in all, 400 in the quick run.
EXAMPLES, QUICK_EXAMPLES = 40, 2
# A warning of the package is a sentence too.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("name", CALLS)
def test_unspoilt_calls_work(name):
    if name in ("load", "add_reference", "report", "animate"):  # of a file that is not there
        with pytest.raises(tfl.InputError):
            CALLS[name]()
    else:
        CALLS[name]()


def spoil(name, data):
    """A call with one or two of its arguments replaced."""
    arguments = sorted(CALLS[name].arguments)
    chosen = data.draw(st.lists(st.sampled_from(arguments), min_size=1, max_size=2, unique=True))
    changes = {key: data.draw(RUBBISH.filter(_gives_rubbish) if key in FUNCTIONS else RUBBISH) for key in chosen}
    works_or_refuses(lambda: CALLS[name](**changes))


def _gives_rubbish(value):
    """What a function of the person's raises is theirs: here functions are rubbish, or give rubbish."""
    return not callable(value) or hasattr(value, "__code__")


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_the_worst_in_every_argument(name):
    for key in CALLS[name].arguments:
        for value in WORST:
            works_or_refuses(partial(CALLS[name], **{key: value}))


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=QUICK_EXAMPLES)
@given(data=st.data())
def test_a_few_spoilt_calls_work_or_refuse(name, data):
    spoil(name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_spoilt_calls_work_or_refuse(name, data):
    spoil(name, data)


@pytest.mark.parametrize(
    "words",
    [
        "bad",
        "operands could not be broadcast together with shapes (3,) (4,).",
        "cannot read it: [Errno 2] No such file or directory.",
        "two lines of a message\nthat a person should read as one.",
        "a message of five words without an end",
    ],
)
def test_what_is_no_sentence(words):
    with pytest.raises(NoRefusal):
        check_sentence(words)


@pytest.mark.parametrize("fault", [TypeError("x"), MemoryError(), tfl.InputError("no")])
def test_other_errors_are_not_let_pass(fault):
    def call():
        raise fault

    with pytest.raises((type(fault), NoRefusal)):
        works_or_refuses(call)


@pytest.mark.slow
def test_a_call_that_hangs_or_takes_all_memory_is_found():
    def hang():
        while True:
            pass

    with pytest.raises(NoRefusal, match="still running"):
        works_or_refuses(hang, seconds=1)
    with pytest.raises(MemoryError):
        works_or_refuses(lambda: bytearray(2**32))
