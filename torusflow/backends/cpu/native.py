"""What Numba has no words for: calls and writes through an address, and counters that several threads change."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ...compilation import compiler

# Spins before a waiting thread offers its processor to others: longer than the parts of a stage differ, shorter than
# a time slice.
SPINS = 4096
# Where the members of a gang note, in an array of int64, what the others must know.
ARRIVED, ABANDONED, YIELD = range(3)

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


@intrinsic
def transform_at(typingctx, address, plan, source, target):
    """Call void address(plan, source, target), all of them addresses."""

    def generate(context, builder, signature, arguments):
        pointer = _BYTE.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 3).as_pointer()
        builder.call(builder.inttoptr(arguments[0], kind), [builder.inttoptr(a, pointer) for a in arguments[1:]])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, types.intp), generate


@intrinsic
def stream_at(typingctx, address, value):
    """Write a float64 to an address past the caches, which keep what they have."""

    def generate(context, builder, signature, arguments):
        where = builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())
        store = builder.store(arguments[1], where, align=8)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    return types.void(types.intp, types.float64), generate


@intrinsic
def call_at(typingctx, address):
    """Call int address()."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), []).as_pointer()
        builder.call(builder.inttoptr(arguments[0], kind), [])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic
def count_at(typingctx, address):
    """Add one to the int64 at an address, as one operation that other threads see."""

    def generate(context, builder, signature, arguments):
        where = builder.inttoptr(arguments[0], _WORD.as_pointer())
        builder.atomic_rmw("add", where, ir.Constant(_WORD, 1), "seq_cst")
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic
def load_at(typingctx, address):
    """The int64 at an address, as other threads have left it."""

    def generate(context, builder, signature, arguments):
        where = builder.inttoptr(arguments[0], _WORD.as_pointer())
        return builder.load_atomic(where, "seq_cst", 8)

    return types.int64(types.intp), generate


@compiler()
def wait(gang, parts, arrivals):
    """Until every member of a gang has come here; returns the arrivals to be waited for next time.

    Parameters
    ----------
    gang : int64 array
        Shared by the members, zero at first; see `Workers.together`.
    parts : int
        Members.
    arrivals : int
        What the last call returned, zero at first.
    """
    if parts == 1:
        return arrivals
    arrivals += parts
    address = gang.ctypes.data
    count_at(address + 8 * ARRIVED)
    spins = 0
    while load_at(address + 8 * ARRIVED) < arrivals and load_at(address + 8 * ABANDONED) == 0:
        spins += 1
        if spins > SPINS and gang[YIELD] != 0:
            call_at(gang[YIELD])
    return arrivals
