"""Records of arrays passed by pointer instead of by value.

Numba passes a named tuple of arrays by value: the engine and its world are some forty arrays, four
hundred words that every call of a kernel copies, a third of a machine's time. A kernel that calls
many others passes `pointer_to` its records on; they read fields as before (``state.contexts``).
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model


class Pointer(types.Type):
    """The compiler's type of a pointer to a named tuple, which must outlive it and never changes.

    Args:
        record: Type of the named tuple.
    """

    def __init__(self, record: Any) -> None:
        self.record = record
        super().__init__(name=f"Pointer({record.name})")


@register_model(Pointer)
class _PointerModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Pointer) -> None:
        record = dmm.lookup(fe_type.record).get_value_type()
        super().__init__(dmm, fe_type, ir.PointerType(record))


@infer_getattr
class _PointerFields(AttributeTemplate):
    key = Pointer

    def generic_resolve(self, pointer: Pointer, name: str) -> Any:  # type: ignore[override]
        if name not in pointer.record.fields:
            return None
        return pointer.record.types[pointer.record.fields.index(name)]


def _load(builder: Any, place: Any) -> Any:
    """Load what never changes, word by word: the compiler keeps that knowledge of words only."""
    kind = place.type.pointee
    if not isinstance(kind, ir.Aggregate):
        word = builder.load(place)
        word.set_metadata("invariant.load", builder.module.add_metadata([]))
        return word
    whole = ir.Constant(kind, ir.Undefined)
    for index in range(len(kind)):
        part = _load(builder, cgutils.gep_inbounds(builder, place, 0, index))
        whole = builder.insert_value(whole, part, index)
    return whole


@lower_getattr_generic(Pointer)
def _load_field(context: Any, builder: Any, pointer: Pointer, value: Any, name: str) -> Any:
    index = pointer.record.fields.index(name)
    field = _load(builder, cgutils.gep_inbounds(builder, value, 0, index))
    return impl_ret_borrowed(context, builder, pointer.record.types[index], field)


def _lowering(typing_context: Any, record: Any) -> Any:
    del typing_context

    def point(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        place = cgutils.alloca_once_value(builder, arguments[0])
        # The fields are said never to change (`_load`). They do once, here: nothing may be read
        # earlier, so the compiler is not told where the pointer comes from.
        kind = ir.FunctionType(place.type, [place.type])
        return builder.asm(kind, "", "=r,0,~{memory}", [place], side_effect=True)

    def keep(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, builder, signature
        return arguments[0]

    if isinstance(record, Pointer):
        return record(record), keep
    return Pointer(record)(record), point


pointer_to: Any = intrinsic(_lowering)
"""In a kernel, ``pointer_to(record)`` is a pointer to a named tuple of arrays, valid until the
kernel returns; what is a pointer already stays as it is."""
