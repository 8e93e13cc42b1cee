"""Clients that insist: each act carries a key made before the first try, and is tried until it is acknowledged.

What the portal acknowledged (a receipt, a number) is written down by the client; the examination afterwards looks
for exactly that in the database.
"""

import contextlib
import functools
import hashlib
import http.client
import http.cookiejar
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from damancom.demo import files, world
from portal import clock

PASSWORD = "damancom-demo-2026"  # the demonstration's, public
OWNERS = {
    "nadia@boulangerie.example": "2045187",
    "direction@clinique.example": world.firm("clinic").number,
    "direction@atlasmaille.example": "5884128",
    "yasmina@coiffure.example": "7319607",
}
TRY_SECONDS = 15


@dataclass
class Acknowledged:
    """What clients were told has been done."""

    #: digest of the bytes of a bank file → its receipt
    files: dict[str, str] = field(default_factory=dict)
    #: intent → number of the certificate
    papers: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    tries: int = 0
    #: Acts that a client insisted on in vain until the deadline.
    given_up: int = 0
    slowest: float = 0.0

    @property
    def count(self) -> int:
        return len(self.files) + len(self.papers)


class Load:
    """Two kinds of clients, for as long as the block runs; leaving it waits for the acts that were begun.

    Nobody insists past ``deadline`` (monotonic): what was then not acknowledged stays so.
    """

    def __init__(
        self, url: str, token: str, references: list[str], *, seed: str, deadline: float
    ) -> None:
        self.url, self.token, self.references = url, token, references
        self.deadline = deadline
        self.told = Acknowledged()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(
                target=self._send_files, args=(random.Random(f"{seed} bank {rank}"),), daemon=True
            )
            for rank in range(2)
        ] + [
            threading.Thread(target=self._ask_papers, args=(account, number), daemon=True)
            for account, number in OWNERS.items()
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_of_the_block: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(max(0.0, self.deadline - time.monotonic()))

    def _send_files(self, chance: random.Random) -> None:
        house = world.BANKS[0]
        while not self._over.is_set():
            mark = f"{chance.getrandbits(40):010X}"
            credits = [
                files.Credit(
                    f"{mark}{rank}",
                    Decimal(chance.randrange(1, 5_000)) / 100 + Decimal("1.00"),
                    "SOCIETE DE PASSAGE",
                    chance.choice([*self.references, ""]),
                )
                for rank in range(chance.randrange(1, 4))
            ]
            content = files.camt_054(
                credits, message_id=f"EXERCICE-{mark}", rib=house.rib, day=clock.today()
            )
            receipt = self._insist(functools.partial(self._post_file, content, mark))
            if receipt:
                with self._lock:
                    self.told.files[hashlib.sha256(content).hexdigest()] = receipt

    def _post_file(self, content: bytes, mark: str) -> str:
        edge = uuid.uuid4().hex
        body = (
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{mark}.xml"\r\n'
            "Content-Type: application/xml\r\n\r\n"
        ).encode() + content + f"\r\n--{edge}--\r\n".encode()  # fmt: skip
        request = urllib.request.Request(
            f"{self.url}/api/v1/bank-files/",
            data=body,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Idempotency-Key": mark,
                "Content-Type": f"multipart/form-data; boundary={edge}",
            },
        )
        with urllib.request.urlopen(request, timeout=TRY_SECONDS) as answer:
            found = re.search(r'"receipt_number":\s*"([^"]+)"', answer.read().decode())
        return found[1] if found else ""

    def _ask_papers(self, account: str, number: str) -> None:
        browser = Browser(self.url)
        if not self._insist(lambda: browser.sign_in(account)):
            return
        # At most sixty an hour are given to one person: a few for each drill.
        for _paper in range(5):
            if self._over.is_set():
                return
            intent = str(uuid.uuid4())
            paper = self._insist(functools.partial(browser.ask, number, intent))
            if paper:
                with self._lock:
                    self.told.papers[intent] = paper
            self._over.wait(0.8)

    def _insist(self, act: Callable[[], str]) -> str:
        """Try until it is acknowledged or the deadline comes; nothing of the network is an answer."""
        while time.monotonic() < self.deadline:
            began = time.monotonic()
            try:
                said = act()
            except (OSError, http.client.HTTPException) as fault:
                if isinstance(fault, urllib.error.HTTPError):
                    fault.close()
                said = ""
            with self._lock:
                self.told.tries += 1
                self.told.refused += not said
                self.told.slowest = max(self.told.slowest, time.monotonic() - began)
            if said:
                return said
            time.sleep(0.2)
        with self._lock:
            self.told.given_up += 1
        return ""


class Browser:
    """Enough of one: cookies, the token of the form, and where a form led."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self.open = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), _Stay
        ).open

    def sign_in(self, account: str) -> str:
        led = self._post("/connexion/", {"username": account, "password": PASSWORD}, "/connexion/")
        return led and "in"

    def ask(self, number: str, intent: str) -> str:
        """Ask for a registration certificate; its number once it is issued."""
        pages = f"/affilies/{number}/attestations/"
        led = self._post(f"{pages}demander/", {"intent": intent, "kind": "registration"}, pages)
        found = re.search(r"attestations/(ATT-[^/]+)/", led)
        return found[1] if found else ""

    def _post(self, path: str, fields: dict[str, str], form: str) -> str:
        with contextlib.closing(self.open(f"{self.url}{form}", timeout=TRY_SECONDS)) as page:
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
        if token is None:
            return ""
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token[1]}).encode()
        try:
            answer = self.open(f"{self.url}{path}", data=data, timeout=TRY_SECONDS)
        except urllib.error.HTTPError as moved:
            with moved:
                return moved.headers.get("Location", "") if moved.code == 302 else ""
        answer.close()
        return ""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers here."""

    def redirect_request(self, *_asked: object) -> None:
        return None
