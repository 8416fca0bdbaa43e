"""Ways out that the refusals of ncu's pages name."""

from typing import Final

EXPORT_HINT: Final = "export with `ncu --import X.ncu-rep --csv --page raw --print-units base`"
DETAILS_HINT: Final = (
    f"{EXPORT_HINT}, or record it live with `ncu --csv --page raw --print-units base APP`"
)
PLAIN_NUMBERS_HINT: Final = f"{EXPORT_HINT}, under LC_ALL=C"
PERMISSION_HINT: Final = (
    "let users read GPU performance counters (developer.nvidia.com/ERR_NVGPUCTRPERM) or run ncu as"
    " root, and profile again"
)
