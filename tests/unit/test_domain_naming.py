import pytest

from smart_leverage.domain.naming import looks_crypto, looks_leveraged


@pytest.mark.parametrize(
    "name",
    [
        "ProShares UltraPro QQQ",
        "ProShares Ultra S&P500",
        "ProShares UltraShort 20+ Year Treasury",
        "ProShares Ultra Short 20+ Year Treasury",
        "ProShares Short High Yield",
        "Direxion Daily Semiconductor Bull 3X Shares",
        "Direxion Daily 7-10 Year Treasury Bear 3X Shares",
        "MicroSectors FANG+ Index 3X Leveraged ETN",
        "GraniteShares 2x Long Coinbase Global, Inc. Daily ETF",
        "GraniteShares Short NVIDIA Corp Daily",
        "Short NVIDIA Corp Daily Notes",
        "T-REX 2X Inverse MSTR Daily Target ETF",
        "AXS Tesla, Inc. Bear Daily ETF",
        "Tradr 1X Short Innovation Daily ETF",
        "Defiance Daily Target 1.75X Long XYZ",
        "-1x Short VIX Futures ETF",
        "DB Gold Double Long Exchange Traded Notes",
        "Some Bond Fund 2× Notes",
        "ＰＲＯＳＨＡＲＥＳ　ＵＬＴＲＡ QQQ",
        "Leverage Shares Something plc",
        "",
        "   ",
    ],
)
def test_leveraged_names_and_names_that_tell_nothing(name):
    assert looks_leveraged(name)


@pytest.mark.parametrize(
    "name",
    [
        "JPMorgan Ultra-Short Income ETF",
        "Vanguard Ultra-Short Bond ETF",
        "iShares Ultra Short Duration Bond Active ETF",
        "First Trust Ultra Short Municipal ETF",
        "BlackRock Ultra Short-Term Bond ETF",
        "USAA UltraShort-Term Bond Fund",
        "SPDR Bloomberg Short Term High Yield Bond ETF",
        "Vanguard Short-Term Treasury ETF",
        "PIMCO Enhanced Short Maturity Active ETF",
        "iShares Short Treasury Bond ETF",
        "Janus Henderson Short Duration Income ETF",
        "Invesco BulletShares 2027 Corporate Bond ETF",
        "SPDR S&P 500 ETF Trust",
        "Apple Inc. Common Stock",
        "Ultragenyx Pharmaceutical Inc.",
        "Ultra Clean Holdings, Inc.",
        "Build-A-Bear Workshop, Inc.",
        "Daily Journal Corporation",
        "10x Genomics, Inc. Class A Common Stock",
        "DoubleLine Opportunistic Core Bond ETF",
    ],
)
def test_plain_names_that_only_sound_leveraged(name):
    assert not looks_leveraged(name)


@pytest.mark.parametrize("name", ["Grayscale Solana Trust", "iShares Bitcoin Trust", "XRP ETF"])
def test_names_of_coins(name):
    assert looks_crypto(name)


@pytest.mark.parametrize("name", ["Coinstar LLC", "Ethan Allen Interiors Inc.", "Apple Inc.", ""])
def test_names_that_are_not_of_coins(name):
    assert not looks_crypto(name)
