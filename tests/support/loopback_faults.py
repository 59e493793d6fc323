"""What can go wrong at YouTube, as a plan that the loopback server follows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What YouTube says in place of streams: status | reason | the line below it. It writes both ' and ’.
MESSAGES = {
    "private": "LOGIN_REQUIRED | Private video | Sign in if you've been granted access to this video",
    "private_bare": "ERROR | This video is private",
    "removed_by_uploader": "ERROR | Video unavailable | This video has been removed by the uploader",
    "account_terminated": "ERROR | Video unavailable | This video is no longer available because the YouTube "
    "account associated with this video has been terminated.",
    "account_closed": "ERROR | Video unavailable | This video is no longer available because the uploader has "
    "closed their YouTube account.",
    "copyright": "ERROR | Video unavailable | This video is no longer available due to a copyright claim by ACME",
    "copyright_blocked": "UNPLAYABLE | Video unavailable | This video contains content from ACME, who has blocked "
    "it on copyright grounds",
    "policy": "ERROR | This video has been removed for violating YouTube's policy on hate speech. Learn more about "
    "combating hate speech in your country.",
    "guidelines": "ERROR | This video has been removed for violating YouTube's Community Guidelines",
    "terms": "ERROR | This video has been removed for violating YouTube's Terms of Service",
    "geo": "UNPLAYABLE | Video unavailable | The uploader has not made this video available in your country",
    "geo_blocked": "UNPLAYABLE | Video unavailable | This video contains content from ACME, who has blocked it in "
    "your country on copyright grounds",
    "age": "LOGIN_REQUIRED | Sign in to confirm your age | This video may be inappropriate for some users.",
    "members_only": "UNPLAYABLE | Join this channel to get access to members-only content like this video, and "
    "other exclusive perks.",
    "paid": "UNPLAYABLE | This video requires payment to watch",
    "premiere": "LIVE_STREAM_OFFLINE | Premieres in 23 hours",
    "upcoming_live": "LIVE_STREAM_OFFLINE | This live event will begin in 3 days.",
    "processing": "UNPLAYABLE | We're processing this video. Check back later.",
    "bot_check": "LOGIN_REQUIRED | Sign in to confirm you’re not a bot | This helps protect our community. "
    "Learn more",
    "captcha": "UNPLAYABLE | Video unavailable",
    "old_app": "ERROR | The following content is not available on this app. | Watch on the latest version of "
    "YouTube.",
    "rate_limited": "UNPLAYABLE | Video unavailable | This content isn't available, try again later.",
    "unavailable": "ERROR | Video unavailable",
    "unavailable_twice": "ERROR | Video unavailable | This video is unavailable",
    "not_available": "ERROR | This video is not available",
    "content_not_available": "ERROR | Video unavailable | This content isn’t available.",
    "does_not_exist": "ERROR | Video unavailable | This video does not exist",
    "reload": "UNPLAYABLE | The page needs to be reloaded.",
}

_ON_THE_WIRE = {"status", "stall", "drip", "reset", "truncated"}
KINDS = {
    "player": _ON_THE_WIRE | {"message", "formats", "other_video", "edited"},
    "media": _ON_THE_WIRE | {"cut", "empty", "ignore_range"},
}


@dataclass
class Fault:
    """One way in which answers about a video go wrong; it counts them, so an object belongs to one video.

    Attributes:
        where: "player" or "media", which also serves plain files.
        kind: "status" answers with `status` and `retry_after_s`; "stall" falls silent, "reset" breaks the
            connection and "truncated" closes it, after `after_bytes` of the body; "drip" sends
            `bytes_per_s`. The player alone: "message" says MESSAGES[`message`], "formats" offers only
            `itags`, "other_video" answers for another id, "edited" has `edit` change the answer.
            Media alone: "cut" serves a file that ends at `after_bytes`, "empty" an mp4 without packets,
            "ignore_range" the whole file to every request.
        after_bytes: None is half for "truncated" and "cut"; "stall" and "reset" then send not even a head.
        times: how many answers it spoils before it is over; None for all.
        skip: how many answers it lets pass first.
        itag: the only stream it concerns; None for all.
        edit: changes what the player would answer.

    Raises:
        ValueError: there is no such kind or message.
    """

    where: str
    kind: str
    status: int = 503
    retry_after_s: int | None = None
    message: str = "unavailable"
    itags: tuple[int, ...] = (134,)
    after_bytes: int | None = None
    bytes_per_s: float = 1
    times: int | None = None
    skip: int = 0
    itag: int | None = None
    edit: Callable[[dict[str, Any]], None] = lambda answer: None

    def __post_init__(self):
        if self.kind not in KINDS.get(self.where, ()):
            raise ValueError(f"no fault {self.kind!r} at {self.where!r}, expected one of {KINDS}")
        if self.message not in MESSAGES:
            raise ValueError(f"no message {self.message!r}, expected one of {sorted(MESSAGES)}")

    def spoils(self, where: str, itag: int | None) -> bool:
        """Say whether the next answer is to go wrong, and count it."""
        if where != self.where or self.itag not in (None, itag) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def part_of(self, size: int) -> int:
        """Say how many of `size` bytes there are."""
        return size // 2 if self.after_bytes is None else min(size, self.after_bytes)


def refusal(message: str) -> dict[str, Any]:
    """Write the player's answer that holds a message in place of streams."""
    status, reason, *below = MESSAGES[message].split(" | ")
    error = {"reason": {"simpleText": reason}, "subreason": {"runs": [{"text": text} for text in below]}}
    screen: dict[str, Any] = {"playerErrorMessageRenderer": error}
    if message == "captcha":
        screen["playerCaptchaViewModel"] = {"site": "google"}
    answer = {"playabilityStatus": {"status": status, "reason": reason, "errorScreen": screen}}
    if message == "geo":
        answer["microformat"] = {"playerMicroformatRenderer": {"availableCountries": ["DE", "FR"]}}
    return answer
