"""What Numba has no words for: calls and writes through an address, and counters that several threads change."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

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


@intrinsic
def replace_at(typingctx, address, old, new):
    """Put another int64 in the place of an old one, if that still stands at an address; whether it did."""

    def generate(context, builder, signature, arguments):
        where = builder.inttoptr(arguments[0], _WORD.as_pointer())
        found = builder.cmpxchg(where, arguments[1], arguments[2], "seq_cst", "seq_cst")
        return builder.extract_value(found, 1)

    return types.boolean(types.intp, types.int64, types.int64), generate


@intrinsic
def time_at(typingctx, address, clock, where):
    """Call int address(int clock, timespec *where)."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), _BYTE.as_pointer()]).as_pointer()
        clock = builder.trunc(arguments[1], ir.IntType(32))
        where = builder.inttoptr(arguments[2], _BYTE.as_pointer())
        builder.call(builder.inttoptr(arguments[0], kind), [clock, where])
        return context.get_dummy_value()

    return types.void(types.intp, types.int64, types.intp), generate
