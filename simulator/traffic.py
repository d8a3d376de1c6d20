"""Where sessions come from."""

from typing import NamedTuple


class Channel(NamedTuple):
    """`new` and `returning` are the channel's weights among first and among later sessions, in percent.

    `intent` and `price_sensitivity` shift the latent state of its sessions.
    """

    source: str
    medium: str
    campaign: str
    group: str
    referrer: str | None
    new: float
    returning: float
    intent: float
    price_sensitivity: float

    @property
    def is_tagged(self) -> bool:
        """True where the landing page's address carries campaign parameters."""
        return self.medium in ("cpc", "email", "social", "affiliate")


_GOOGLE = "https://www.google.com/"

CHANNELS = (
    Channel("google", "organic", "(organic)", "Organic Search", _GOOGLE, 36.2, 25.0, 0.0, 0.0),
    Channel("(direct)", "(none)", "(direct)", "Direct", None, 13.2, 45.0, -0.3, -0.2),
    Channel("journal.fernhill.example", "referral", "(referral)", "Referral",
            "https://journal.fernhill.example/", 17.5, 8.0, 0.3, -0.2),
    Channel("newsletter", "email", "monthly_letter", "Email", None, 2.7, 15.0, 0.35, 0.6),
    Channel("instagram", "social", "table_stories", "Organic Social",
            "https://l.instagram.com/", 4.4, 1.0, -0.7, 0.2),
    Channel("facebook", "social", "spring_table", "Organic Social", "https://m.facebook.com/", 3.3, 0.5, -0.7, 0.4),
    Channel("designweekly.example", "referral", "(referral)", "Referral",
            "https://designweekly.example/picks", 5.5, 1.5, 0.55, -0.6),
    Channel("thriftfinder.example", "referral", "(referral)", "Referral",
            "https://thriftfinder.example/deals", 3.4, 1.0, 0.35, 1.4),
    Channel("google", "cpc", "brand_search", "Paid Search", _GOOGLE, 3.6, 1.0, -0.4, 0.6),
    Channel("(not set)", "(not set)", "(not set)", "Unassigned", None, 3.3, 1.0, 0.1, 0.0),
    Channel("bing", "organic", "(organic)", "Organic Search", "https://www.bing.com/", 2.4, 0.5, -0.4, 0.0),
    Channel("pinterest", "social", "boards", "Organic Social", "https://www.pinterest.com/", 2.5, 0.3, -0.4, 0.0),
    Channel("pricewise.example", "affiliate", "deal_feed", "Affiliates",
            "https://pricewise.example/", 2.2, 0.2, -0.2, 2.0),
    # nobody comes by it: it is what a renamed channel is called
    Channel("google", "search", "(organic)", "Organic Search", _GOOGLE, 0.0, 0.0, 0.0, 0.0),
)  # fmt: skip

GOOGLE_ORGANIC, RELABELLED = 0, len(CHANNELS) - 1

DIRECT = next(code for code, channel in enumerate(CHANNELS) if channel.group == "Direct")
