"""Toss's code tables: banks, card companies, easy pay providers, methods (toss/codes.md). All lists are open.

Codes are strings that keep their leading zero. The same two characters mean different institutions in the
bank and the card table: bank 71 is the post office, card company 71 is Lotte.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Institution:
    """`code` as Toss returns it, `kftc` the three-digit code (banks and securities firms only)."""

    code: str
    english: str
    korean: str | None = None
    kftc: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """Toss's Korean word in responses, its English word in requests."""

    english: str
    korean: str


def _bank(line: str) -> Institution:
    code, kftc, english, korean, *aliases = (part.strip() for part in line.split("|"))
    return Institution(code, english, korean or None, kftc, tuple(aliases))


def _card_company(line: str) -> Institution:
    code, english, korean, *aliases = (part.strip() for part in line.split("|"))
    return Institution(code, english, korean, None, tuple(aliases))


# code | three digits | English | Korean | our own further names. KB alone breaks the rule two = three
# without zero.
BANKS: tuple[Institution, ...] = tuple(
    _bank(line)
    for line in """
39|039|KYONGNAMBANK|경남|BNK경남
34|034|GWANGJUBANK|광주
12|012|LOCALNONGHYEOP|단위농협|지역농축협|단위농협(지역농축협)|지역농협
32|032|BUSANBANK|부산|BNK부산
45|045|SAEMAUL|새마을|새마을금고|MG새마을금고
64|064|SANLIM|산림|산림조합
88|088|SHINHAN|신한
48|048|SHINHYEOP|신협
27|027|CITI|씨티|한국씨티
20|020|WOORI|우리
71|071|POST|우체국|우체국예금
50|050|SAVINGBANK|저축|상호저축
37|037|JEONBUKBANK|전북
35|035|JEJUBANK|제주
90|090|KAKAOBANK|카카오
89|089|KBANK|케이|K뱅크
92|092|TOSSBANK|토스
81|081|HANA|하나|KEB하나
54|054|HSBC||홍콩상하이
03|003|IBK|기업|IBK기업|중소기업
06|004|KOOKMIN|국민|KB국민|KB
31|031|DAEGUBANK|대구|iM뱅크|아이엠뱅크|DGB대구|대구 (iM뱅크)
02|002|KDBBANK|산업|KDB산업|한국산업
11|011|NONGHYEOP|농협|NH농협|NH|농협중앙회
23|023|SC|SC제일|제일|스탠다드차타드
07|007|SUHYEOP|수협|Sh수협|수협중앙회
S8|261|KYOBO_SECURITIES|
SE|267|DAISHIN_SECURITIES|
SK|287|MERITZ_SECURITIES|
S5|238|MIRAE_ASSET_SECURITIES|
SM|290|BOOKOOK_SECURITIES|
S3|240|SAMSUNG_SECURITIES|
SN|291|SHINYOUNG_SECURITIES|
S2|278|SHINHAN_INVESTMENT|
S0|209|YUANTA_SECURITES|
SJ|280|EUGENE_INVESTMENT_AND_SECURITIES|
SQ|288|KAKAOPAY_SECURITIES|
SB|264|KIWOOM|
ST|271|TOSS_SECURITIES|
SR|294|KOREA_FOSS_SECURITIES|
SH|270|HANA_INVESTMENT_AND_SECURITIES|
S9|262|HI_INVESTMENT_AND_SECURITIES|
S6|243|KOREA_INVESTMENT_AND_SECURITIES|
SG|269|HANHWA_INVESTMENT_AND_SECURITIES|
SA|263|HYUNDAI_MOTOR_SECURITIES|
SI|279|DB_INVESTMENT_AND_SECURITIES|
S4|218|KB_SECURITIES|
SP|227|DAOL_INVESTMENT_AND_SECURITIES|
SO|292|LIG_INVESTMENT_AND_SECURITIES|
SL|247|NH_INVESTMENT_AND_SECURITIES|
SD|266|SK_SECURITIES|
""".strip().splitlines()
)

VIRTUAL_ACCOUNT_BANKS = frozenset(["39", "34", "06", "03", "11", "31", "32", "45", "07", "88", "20", "71", "81"])
"""Banks that issue virtual accounts: a guide's list that may change (toss/codes.md [1src])."""

# W1 (Woori acquired by itself) comes in responses only, so its names look up 33.
CARD_COMPANIES: tuple[Institution, ...] = tuple(
    _card_company(line)
    for line in """
3K|IBK_BC|기업BC|기업비씨|IBK기업
46|GWANGJUBANK|광주
71|LOTTE|롯데
30|KDBBANK|산업|KDB산업
31|BC|BC|비씨
51|SAMSUNG|삼성
38|SAEMAUL|새마을|새마을금고|MG새마을금고
41|SHINHAN|신한
62|SHINHYEOP|신협
36|CITI|씨티|한국씨티
33|WOORI|우리
W1|WOORI|우리
37|POST|우체국
39|SAVINGBANK|저축
35|JEONBUKBANK|전북
42|JEJUBANK|제주
15|KAKAOBANK|카카오뱅크
3A|KBANK|케이뱅크|K뱅크
24|TOSSBANK|토스뱅크
21|HANA|하나
61|HYUNDAI|현대
11|KOOKMIN|국민|KB국민|KB
91|NONGHYEOP|농협|NH농협|NH
34|SUHYEOP|수협|Sh수협
6D|DINERS|다이너스
6I|DISCOVER|디스커버
4M|MASTER|마스터|마스터카드
3C|UNIONPAY|유니온페이|은련
7A|AMEX|아메리칸 익스프레스|아멕스|American Express
4J|JCB|JCB
4V|VISA|비자
""".strip().splitlines()
)

EASY_PAY_PROVIDERS: tuple[Named, ...] = (
    Named("TOSSPAY", "토스페이"),
    Named("NAVERPAY", "네이버페이"),
    Named("SAMSUNGPAY", "삼성페이"),
    Named("APPLEPAY", "애플페이"),
    Named("LPAY", "엘페이"),
    Named("KAKAOPAY", "카카오페이"),
    Named("PINPAY", "핀페이"),
    Named("PAYCO", "페이코"),
    Named("SSG", "SSG페이"),
    Named("LGPAY", "LG페이"),  # seen in bodies of old versions only
)

METHODS: tuple[Named, ...] = (
    Named("CARD", "카드"),
    Named("VIRTUAL_ACCOUNT", "가상계좌"),
    Named("EASY_PAY", "간편결제"),
    Named("MOBILE_PHONE", "휴대폰"),
    Named("TRANSFER", "계좌이체"),
    Named("CULTURE_GIFT_CERTIFICATE", "문화상품권"),
    Named("BOOK_GIFT_CERTIFICATE", "도서문화상품권"),
    Named("GAME_GIFT_CERTIFICATE", "게임문화상품권"),
    Named("FOREIGN_EASY_PAY", "해외간편결제"),
)

_SUFFIX = re.compile(r"(은행|뱅크|카드|bank|card)$")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]|주식회사|\(주\)", "", unicodedata.normalize("NFKC", name).casefold())


def _stem(plain: str) -> str:
    return _SUFFIX.sub("", plain) or plain


def _index(institutions: Iterable[Institution]) -> Mapping[str, Institution]:
    """Every name, in full and without 은행/카드; full names win over stems, earlier ones over later ones."""
    full: dict[str, Institution] = {}
    stems: dict[str, Institution] = {}
    for one in institutions:
        for name in (one.code, one.kftc, one.english, one.korean, *one.aliases):
            if name:
                plain = _plain(name)
                full.setdefault(plain, one)
                if len(_stem(plain)) > 1:  # "K" of KBANK names nobody
                    stems.setdefault(_stem(plain), one)
    return stems | full


_BANKS = _index(BANKS)
_CARD_COMPANIES = _index(CARD_COMPANIES)
_EASY_PAY = {_plain(word): one for one in EASY_PAY_PROVIDERS for word in (one.english, one.korean)} | {
    "토스결제": EASY_PAY_PROVIDERS[0]
}
_METHODS = {_plain(word): one for one in METHODS for word in (one.english, one.korean)}


def _find(index: Mapping[str, Institution], name: str) -> Institution | None:
    plain = _plain(name)
    return index.get(plain) or index.get(_stem(plain))


def bank(name: str) -> Institution | None:
    """The bank or securities firm of a two-character or three-digit code, a Korean or an English name."""
    return _find(_BANKS, name)


def bank_code(name: str) -> str | None:
    """The code that v1 requests take: "국민은행", "KOOKMIN", "004" and "06" are all "06"."""
    found = bank(name)
    return found.code if found else None


def bank_name(code: str) -> str | None:
    """The Korean name, or the English one where Toss publishes no Korean."""
    found = bank(code)
    return (found.korean or found.english) if found else None


def card_company(name: str) -> Institution | None:
    """The card company of a code or name."""
    return _find(_CARD_COMPANIES, name)


def card_company_code(name: str) -> str | None:
    """The code that requests take."""
    found = card_company(name)
    return found.code if found else None


def card_company_name(code: str) -> str | None:
    """The Korean name: "71" is "롯데"."""
    found = card_company(code)
    return found.korean if found else None


def easy_pay(name: str) -> Named | None:
    """The provider of a Korean or English word; None for foreign wallets, whose words are not published."""
    return _EASY_PAY.get(_plain(name))


def method(name: str) -> Named | None:
    """The payment method of a Korean (responses) or English (requests) word."""
    return _METHODS.get(_plain(name))
