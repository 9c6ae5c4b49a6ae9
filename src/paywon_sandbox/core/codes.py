"""Institution and method tables (toss/codes.md), and the look-up that accepts code, Korean or English name."""

from __future__ import annotations

from collections.abc import Mapping

CARD = "카드"
VIRTUAL_ACCOUNT = "가상계좌"
EASY_PAY = "간편결제"
MOBILE_PHONE = "휴대폰"
TRANSFER = "계좌이체"
GIFT_CERTIFICATES = ("문화상품권", "도서문화상품권", "게임문화상품권")
FOREIGN_EASY_PAY = "해외간편결제"

METHODS = {
    "CARD": CARD,
    "VIRTUAL_ACCOUNT": VIRTUAL_ACCOUNT,
    "EASY_PAY": EASY_PAY,
    "MOBILE_PHONE": MOBILE_PHONE,
    "TRANSFER": TRANSFER,
    "CULTURE_GIFT_CERTIFICATE": GIFT_CERTIFICATES[0],
    "BOOK_GIFT_CERTIFICATE": GIFT_CERTIFICATES[1],
    "GAME_GIFT_CERTIFICATE": GIFT_CERTIFICATES[2],
    "FOREIGN_EASY_PAY": FOREIGN_EASY_PAY,
}

# toss/codes.md "Small enums"
CARD_TYPES = ("신용", "체크", "기프트", "미확인")
OWNER_TYPES = ("개인", "법인", "미확인")

EASY_PAY_PROVIDERS = {
    "TOSSPAY": "토스페이",
    "KAKAOPAY": "카카오페이",
    "NAVERPAY": "네이버페이",
    "SAMSUNGPAY": "삼성페이",
    "APPLEPAY": "애플페이",
    "PAYCO": "페이코",
    "SSG": "SSG페이",
    "LPAY": "엘페이",
    "PINPAY": "핀페이",
}
PAYPAL = "PAYPAL"
# toss/codes.md: PayPal answers at once, the Asian wallets finish their cancels later; their display strings are a
# guess. The names are those of the type file of Toss's loader, and MAYA.
ASYNCHRONOUS_WALLETS = (
    *("ALIPAY", "ALIPAYHK", "GCASH", "MAYA", "DANA", "TOUCHNGO", "BOOST", "BPI", "BILLEASE", "TRUEMONEY"),
    *("RABBIT_LINE_PAY", "PAYPAY"),
)
FOREIGN_WALLETS = (PAYPAL, *ASYNCHRONOUS_WALLETS)

CARD_COMPANIES: dict[str, tuple[str, ...]] = {
    "11": ("KOOKMIN", "국민"),
    "41": ("SHINHAN", "신한"),
    "51": ("SAMSUNG", "삼성"),
    "61": ("HYUNDAI", "현대"),
    "71": ("LOTTE", "롯데"),
    "21": ("HANA", "하나"),
    "31": ("BC", "BC"),
    "91": ("NONGHYEOP", "농협"),
    "33": ("WOORI", "우리"),
    "W1": ("WOORI", "우리"),
    "3K": ("IBK_BC", "기업BC"),
    "15": ("KAKAOBANK", "카카오뱅크"),
    "24": ("TOSSBANK", "토스뱅크"),
    "3A": ("KBANK", "케이뱅크"),
    "36": ("CITI", "씨티"),
    "46": ("GWANGJUBANK", "광주"),
    "30": ("KDBBANK", "산업"),
    "38": ("SAEMAUL", "새마을"),
    "62": ("SHINHYEOP", "신협"),
    "37": ("POST", "우체국"),
    "39": ("SAVINGBANK", "저축"),
    "35": ("JEONBUKBANK", "전북"),
    "42": ("JEJUBANK", "제주"),
    "34": ("SUHYEOP", "수협"),
    "6D": ("DINERS", "다이너스"),
    "6I": ("DISCOVER", "디스커버"),
    "4M": ("MASTER", "마스터"),
    "3C": ("UNIONPAY", "유니온페이"),
    "7A": ("AMEX", "아메리칸 익스프레스"),
    "4J": ("JCB", "JCB"),
    "4V": ("VISA", "비자"),
}
OVERSEAS_BRANDS = frozenset({"6D", "6I", "4M", "3C", "7A", "4J", "4V"})
# toss/codes.md: issuer 33 is acquired by BC (31); the overseas acquirer is "a domestic one", BC here.
ACQUIRERS = {"33": "31", "3K": "31"} | dict.fromkeys(OVERSEAS_BRANDS, "31")

# Code → English name, Korean name, further Korean names.
BANKS: dict[str, tuple[str, ...]] = {
    "06": ("KOOKMIN", "국민"),
    "88": ("SHINHAN", "신한"),
    "20": ("WOORI", "우리"),
    "81": ("HANA", "하나"),
    "11": ("NONGHYEOP", "농협"),
    "03": ("IBK", "기업"),
    "92": ("TOSSBANK", "토스"),
    "90": ("KAKAOBANK", "카카오"),
    "89": ("KBANK", "케이"),
    "45": ("SAEMAUL", "새마을"),
    "71": ("POST", "우체국"),
    "07": ("SUHYEOP", "수협"),
    "32": ("BUSANBANK", "부산"),
    "31": ("DAEGUBANK", "대구", "iM뱅크"),
    "39": ("KYONGNAMBANK", "경남"),
    "34": ("GWANGJUBANK", "광주"),
    "37": ("JEONBUKBANK", "전북"),
    "35": ("JEJUBANK", "제주"),
    "12": ("LOCALNONGHYEOP", "단위농협", "지역농축협"),
    "64": ("SANLIM", "산림"),
    "48": ("SHINHYEOP", "신협"),
    "27": ("CITI", "씨티"),
    "50": ("SAVINGBANK", "저축"),
    "54": ("HSBC", "HSBC"),
    "02": ("KDBBANK", "산업"),
    "23": ("SC", "SC제일"),
}
# toss/codes.md "Securities firms" [1src]: two-character code → (English, three-digit code).
SECURITIES: dict[str, tuple[str, ...]] = {
    "S8": ("KYOBO_SECURITIES", "261"),
    "SE": ("DAISHIN_SECURITIES", "267"),
    "SK": ("MERITZ_SECURITIES", "287"),
    "S5": ("MIRAE_ASSET_SECURITIES", "238"),
    "SM": ("BOOKOOK_SECURITIES", "290"),
    "S3": ("SAMSUNG_SECURITIES", "240"),
    "SN": ("SHINYOUNG_SECURITIES", "291"),
    "S2": ("SHINHAN_INVESTMENT", "278"),
    "S0": ("YUANTA_SECURITES", "209"),
    "SJ": ("EUGENE_INVESTMENT_AND_SECURITIES", "280"),
    "SQ": ("KAKAOPAY_SECURITIES", "288"),
    "SB": ("KIWOOM", "264"),
    "ST": ("TOSS_SECURITIES", "271"),
    "SR": ("KOREA_FOSS_SECURITIES", "294"),
    "SH": ("HANA_INVESTMENT_AND_SECURITIES", "270"),
    "S9": ("HI_INVESTMENT_AND_SECURITIES", "262"),
    "S6": ("KOREA_INVESTMENT_AND_SECURITIES", "243"),
    "SG": ("HANHWA_INVESTMENT_AND_SECURITIES", "269"),
    "SA": ("HYUNDAI_MOTOR_SECURITIES", "263"),
    "SI": ("DB_INVESTMENT_AND_SECURITIES", "279"),
    "S4": ("KB_SECURITIES", "218"),
    "SP": ("DAOL_INVESTMENT_AND_SECURITIES", "227"),
    "SO": ("LIG_INVESTMENT_AND_SECURITIES", "292"),
    "SL": ("NH_INVESTMENT_AND_SECURITIES", "247"),
    "SD": ("SK_SECURITIES", "266"),
}
# toss/codes.md "Banks that issue virtual accounts" [1src]
VIRTUAL_ACCOUNT_BANKS = ("39", "34", "06", "03", "11", "31", "32", "45", "07", "88", "20", "71", "81")
# Every bank but KB Kookmin (06, 004) has its two digits with a 0 before them (toss/codes.md).
THREE_DIGITS = {code: "004" if code == "06" else f"0{code}" for code in BANKS}


def institution(table: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    """The two-character code for a code, an English or a Korean name; None when unknown."""
    if name in table:
        return name
    return next((code for code, names in table.items() if name in names), None)


def takes_money(name: str) -> bool:
    """Whether a bank or a securities firm has that two-character code or that name."""
    firm = name in (*SECURITIES, "TOSS_MONEY") or any(name == names[0] for names in SECURITIES.values())
    return firm or institution(BANKS, name) is not None


def payout_bank(name: str) -> str | None:
    """The three-digit code for any bank or securities firm, by either code or by name; None when unknown."""
    found = institution(BANKS, name)
    if found is not None:
        return THREE_DIGITS[found]
    if name in THREE_DIGITS.values():
        return name
    firm = institution(SECURITIES, name)
    return None if firm is None else SECURITIES[firm][1]


def method_name(name: str) -> str | None:
    """The Korean method of responses for a Korean or English request value."""
    if name in METHODS.values():
        return name
    return METHODS.get(name)


def provider_name(name: str) -> str | None:
    """The Korean easy pay provider for a Korean or English request value."""
    if name in EASY_PAY_PROVIDERS.values():
        return name
    return EASY_PAY_PROVIDERS.get(name)
