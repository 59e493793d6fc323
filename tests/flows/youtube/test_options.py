"""Options of yt-dlp: what the user sets arrives, what is ours stays ours, and nothing of it is ever told."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from flows.youtube.options import VARIABLE, YtDlpOptions, user_options


def options(line="", config=None, **environment):
    return user_options(config, {VARIABLE: line, **environment})


@pytest.fixture
def config(tmp_path):
    """config(text): a configuration file of yt-dlp."""

    def config(text):
        path = tmp_path / "yt-dlp.conf"
        path.write_text(text)
        return path

    return config


@pytest.fixture
def cookies(tmp_path):
    path = tmp_path / "jar of mine" / "cookies.txt"
    path.parent.mkdir()
    path.write_text(
        "# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t2147483647\tSID\tcookie-value-s3cr3t\n"
    )
    return path


def test_nothing_set_is_nothing_passed():
    assert dict(options().params) == {} and options().secrets == ()


def test_cookies_of_a_file(cookies):
    found = options(f"--cookies '{cookies}'")
    assert found.params == {"cookiefile": str(cookies)}
    assert found.plain(f"cannot read {cookies}") == "cannot read ***"


def test_cookies_of_a_browser():
    found = options("--cookies-from-browser firefox:/home/me/profile.default")
    assert found.params == {"cookiesfrombrowser": ("firefox", "/home/me/profile.default", None, None)}
    assert "profile.default" not in found.plain("no cookies in /home/me/profile.default/cookies.sqlite")


def test_a_proxy_with_a_password():
    found = options("--proxy http://user:p%40ssw0rd@proxy.example:3128")
    assert found.params == {"proxy": "http://user:p%40ssw0rd@proxy.example:3128"}
    told = found.plain("cannot connect to proxy.example:3128 as user:p%40ssw0rd, p@ssw0rd was refused")
    assert told == "cannot connect to ***:3128 as user:***, *** was refused"


@pytest.mark.parametrize(
    "proxy",
    [
        "http://[::1",
        "http://user:s3cr3tword@[::1",
        "http://user:s3cr3t[word@proxy.example:3128",
        "http://user:s3cr3tword@proxy.example:port",
        "http://user:s3cr3tword@proxy.example:99999",
        "http://user:s3cr3tword@:3128",
        "http://user:s3cr3tword@\u2100.example:3128",  # a sign that stands for a/c
        "/s3cr3tword/b",
        "http://",
        "://s3cr3tword",
    ],
)
def test_a_proxy_that_is_no_address_is_said_without_a_word_of_it(proxy):
    for name, setting in {
        "--proxy": {"line": f"--proxy '{proxy}'"},
        "HTTPS_PROXY": {"HTTPS_PROXY": proxy},
        "all_proxy": {"all_proxy": proxy},
    }.items():
        with pytest.raises(SetupError) as caught:
            options(**setting)
        assert str(caught.value) == (
            f"{name} is no address of a proxy, expected one such as http://user:password@host:3128; check it, and "
            "write signs within user and password as in %40 for @"
        )
        assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    "proxy", ["proxy.example", "proxy.example:3128", "//proxy.example", "socks5://[::1]:1080", ""]
)
def test_a_proxy_may_leave_things_out(proxy):
    assert options(f"--proxy '{proxy}'").params == {"proxy": proxy}


def test_proxies_that_do_not_count_may_be_anything():
    assert options("--proxy ''", https_proxy="http://[::1").params == {"proxy": ""}
    assert options(no_proxy="[::1", COLAB_LANGUAGE_SERVER_PROXY="/a/b", http_proxy="").params == {}


def test_arguments_of_extractors_with_a_token():
    found = options("--extractor-args 'youtube:player_client=mweb;po_token=mweb.gvs+AbC-dEf_123=='")
    youtube = {"player_client": ["mweb"], "po_token": ["mweb.gvs+AbC-dEf_123=="]}
    assert found.params == {"extractor_args": {"youtube": youtube}}
    assert (
        found.plain("po_token mweb.gvs+AbC-dEf_123== (AbC-dEf_123) is invalid")
        == "po_token *** (***) is invalid"
    )


def test_sleeps_and_rates():
    found = options("--sleep-requests 0.75 --sleep-interval 10 --max-sleep-interval 20 --limit-rate 1M")
    assert found.params == {
        "sleep_interval_requests": 0.75,
        "sleep_interval": 10.0,
        "max_sleep_interval": 20.0,
        "ratelimit": 1 << 20,
    }


def test_a_configuration_file_with_comments_and_the_variable_over_it(config):
    path = config("# mine\n--sleep-requests 5 # slowly\n--proxy http://127.0.0.1:9\n-R 3\n")
    found = options("--sleep-requests 1", path)
    assert found.params == {"sleep_interval_requests": 1.0, "proxy": "http://127.0.0.1:9", "retries": 3}


def test_a_file_that_another_file_names_is_read_and_its_secrets_are_known(config, tmp_path):
    (tmp_path / "inner.conf").write_text("--video-password secret-of-the-inner-file\n")
    found = options("", config(f"--config-locations {tmp_path / 'inner.conf'}\n"))
    assert found.params == {"videopassword": "secret-of-the-inner-file"}
    assert found.plain("it is secret-of-the-inner-file") == "it is ***"


def test_the_users_own_configuration_of_yt_dlp_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "yt-dlp").mkdir()
    (tmp_path / "yt-dlp" / "config").write_text("--proxy http://127.0.0.1:9\n")
    assert dict(options().params) == {}


@pytest.mark.parametrize(
    "ours",
    [
        "-o %(title)s.%(ext)s -P /somewhere",
        "--download-archive seen.txt --force-write-archive",
        "--download-sections *10-20",
        "--exec 'rm -rf /' --extract-audio --embed-metadata --recode-video mkv --write-info-json --write-subs",
        "-q --no-warnings -v --no-progress --newline --console-title --progress-template x",
        "--print title -j --dump-single-json --print-to-file title list.txt -F --list-subs",
        "--print-traffic --dump-pages --write-pages",
        "-i --ignore-no-formats-error --skip-download --simulate --flat-playlist -k",
        "--match-filters is_live --match-title x --max-downloads 1 --min-views 9 --age-limit 9 --date 20200101",
        "--max-filesize 1k --break-on-existing --playlist-items 2 --wait-for-video 60 --live-from-start",
    ],
)
def test_what_is_ours_is_not_the_users_to_change(ours):
    found = options(f"{ours} --sleep-requests 0.5")
    assert set(found.params) <= {"sleep_interval_requests", "format", "final_ext"}


def test_what_cannot_mean_anything_here_is_passed_over():
    assert dict(options("https://www.youtube.com/watch?v=xxxxxxxxxxx").params) == {}


@pytest.mark.parametrize(
    "line",
    [
        "--no-such-option my-s3cret-value",
        "--sleep-requests my-s3cret-value",
        "--proxy",
        "--cookies-from-browser my-s3cret-value",
        "--extractor-args my-s3cret-value --limit-rate my-s3cret-value",
        "--username my-s3cret-value",  # would ask the terminal for the password
        "--version",
    ],
)
def test_options_that_yt_dlp_does_not_understand_are_refused_without_a_word_of_them(
    line, capfd, monkeypatch, config
):
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: (_ for _ in ()).throw(EOFError()))
    for ask in (lambda: options(line), lambda: options("", config(line + "\n"))):
        with pytest.raises(
            SetupError, match=r"yt-dlp does not understand the options in AZSL_YT_DLP or in the"
        ) as caught:
            ask()
        assert "s3cret" not in str(caught.value)
        assert caught.value.__suppress_context__, "how it came about repeats the value"
    said = capfd.readouterr()
    assert "s3cret" not in said.out + said.err


def test_a_line_with_an_open_quotation_is_refused_without_a_word_of_it():
    with pytest.raises(
        SetupError, match=r"AZSL_YT_DLP is no line of options \(No closing quotation\); check"
    ) as caught:
        options("--proxy 'http://user:s3cret@x")
    assert "s3cret" not in str(caught.value)


def test_a_configuration_file_that_is_absent_is_named(tmp_path):
    with pytest.raises(
        SetupError, match=r"absent\.conf does not exist, expected a configuration file of yt-dlp"
    ):
        options("", tmp_path / "absent.conf")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"--proxy 'x"])
def test_a_configuration_file_that_is_damaged_is_refused(tmp_path, content):
    (tmp_path / "bad.conf").write_bytes(content)
    with pytest.raises(SetupError, match="yt-dlp does not understand the options"):
        options("", tmp_path / "bad.conf")


def test_cookies_that_are_absent_are_refused_and_not_passed_over(tmp_path):
    with pytest.raises(SetupError, match="the file of cookies that yt-dlp is given cannot be read") as caught:
        options(f"--cookies {tmp_path}/s3cret/cookies.txt")
    assert "s3cret" not in str(caught.value)


def test_a_proxy_of_the_environment_is_a_secret_too():
    found = options("", HTTPS_PROXY="http://me:hidden-word@127.0.0.1:9")
    assert "hidden-word" not in found.plain("tunnel for hidden-word failed")


def test_options_show_nothing_of_themselves(cookies):
    found = options(f"--cookies '{cookies}' --proxy http://user:p4ssw0rd@127.0.0.1:9")
    assert repr(found) == "YtDlpOptions()"


def test_a_message_is_one_short_line_without_addresses():
    told = YtDlpOptions().plain("see https://a.example/x?sig=1 and\n\n http://b.example, " + "long " * 100)
    assert told.startswith("see <address> and <address> long long") and len(told) == 300 and "\n" not in told


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=6, max_size=30)


@given(
    secret=WORDS.filter(lambda w: not re.search(r"[\s*]", w)),
    around=st.tuples(st.text(max_size=20), st.text(max_size=20)),
)
def test_no_secret_survives_wherever_it_stands_in_a_message(secret, around):
    found = YtDlpOptions({}, secrets=(secret,))
    assert secret not in found.plain(secret.join(around)) or secret in "".join(around)


SAFE = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", min_size=6, max_size=20)


@given(user=SAFE, password=SAFE, token=SAFE)
def test_no_part_of_a_secret_survives(user, password, token):
    line = f"--proxy http://{user}:{password}@127.0.0.1:9 --extractor-args youtube:po_token=web+{token}"
    found = options(line)
    for secret in (user, password, token):
        for message in (secret, f"<{secret}>", f"{password}{secret}", f"x={secret}&y"):
            # A longer secret may hold a shorter one; what is left of it is no secret.
            assert secret not in found.plain(message).replace("***", " ")
