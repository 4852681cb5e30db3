"""What all sections have in common: their base, and the kinds of numbers that keys take."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Switch = Literal["on", "off"]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Section(BaseModel):
    """Base of all sections: frozen; a key that nobody reads is an error, and so is a wrong type.

    Strict, because a lenient reading takes `true` for the number 1 and text for a number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
