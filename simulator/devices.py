"""What visitors browse with."""

from typing import NamedTuple


class Device(NamedTuple):
    """`share` is in percent of visitors; `intent` and `annoyance` shift its visitors' latent state."""

    category: str
    operating_system: str
    operating_system_version: str
    browser: str
    browser_version: str
    mobile_brand_name: str
    mobile_model_name: str
    share: float
    intent: float
    annoyance: float


DEVICES = (
    Device("desktop", "Windows", "Windows 10", "Chrome", "131.0.0.0", "(not set)", "(not set)", 16.0, 0.15, 0.0),
    Device("desktop", "Windows", "Windows 11", "Chrome", "132.0.0.0", "(not set)", "(not set)", 12.0, 0.2, 0.0),
    Device("desktop", "Windows", "Windows 11", "Edge", "131.0.2903.112", "(not set)", "(not set)", 5.5, 0.1, 0.0),
    Device("desktop", "Windows", "Windows 10", "Firefox", "133.0", "(not set)", "(not set)", 2.5, -0.1, 0.4),
    Device("desktop", "Macintosh", "Intel 10.15", "Chrome", "131.0.0.0", "Apple", "(not set)", 10.0, 0.3, 0.0),
    Device("desktop", "Macintosh", "Intel 10.15", "Safari", "18.2", "Apple", "(not set)", 8.0, 0.35, -0.1),
    Device("desktop", "Linux", "Linux", "Firefox", "133.0", "(not set)", "(not set)", 1.5, -0.4, 0.6),
    Device("desktop", "Chrome OS", "15699.72.0", "Chrome", "130.0.0.0", "(not set)", "(not set)", 2.5, -0.1, 0.0),
    Device("mobile", "iOS", "18.2", "Safari", "18.2", "Apple", "iPhone", 15.3, 0.0, 0.2),
    Device("mobile", "iOS", "17.6.1", "Safari", "17.6", "Apple", "iPhone", 5.0, -0.05, 0.2),
    Device("mobile", "iOS", "18.2", "Chrome", "131.0.6778.154", "Apple", "iPhone", 2.0, -0.05, 0.2),
    Device("mobile", "Android", "14", "Chrome", "131.0.0.0", "Samsung", "SM-S921B", 7.0, -0.2, 0.3),
    Device("mobile", "Android", "13", "Chrome", "130.0.0.0", "Xiaomi", "Redmi Note 12", 4.0, -0.4, 0.3),
    Device("mobile", "Android", "15", "Chrome", "131.0.0.0", "Google", "Pixel 8", 3.5, -0.1, 0.2),
    Device("mobile", "Android", "12", "Android Webview", "129.0.0.0", "Huawei", "P40", 2.0, -0.6, 0.5),
    Device("mobile", "<Other>", "<Other>", "<Other>", "<Other>", "<Other>", "<Other>", 1.0, -0.3, 0.3),
    Device("tablet", "iOS", "17.6.1", "Safari", "17.6", "Apple", "iPad", 1.6, 0.0, 0.0),
    Device("tablet", "Android", "14", "Chrome", "131.0.0.0", "Samsung", "SM-X810", 0.6, -0.2, 0.1),
)
