"""What a result is worth: luck, length of record, multiple testing, drawdown laws, calibration.

Each module answers one question and takes plain numbers or arrays; all of them refuse values that
are missing or not finite with a ValueError that names the input. Nothing here is loaded by a
process that trades.
"""
