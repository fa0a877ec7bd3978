"""A corpus of answers that were cut, and of the ways in which models answer when they are asked to go on.

The texts are ours: prose, code, lists and tables in five languages, each cut at `CUTS` places. A way is what a model
says, made of what was delivered and of what is still to come. What is judged is the seam of `ask_to_continue`:

`python tests/support/continuations.py` writes the table of docs/continuing.md.

    joined   the text is that of the undisturbed answer, character by character
    back     nothing was joined: the next policy, or an honest end
    harm     anything else
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from standby.providers.events import Finished, ProviderEvent, TextDelta
from standby.router.failover.overlap import Overlap
from standby.router.failover.seam import Diverged

Verdict: TypeAlias = Literal["joined", "back", "harm"]
Kind: TypeAlias = Literal["prose", "code", "list", "table"]

PAGE = Path(__file__).parents[2] / "docs" / "continuing.md"
CUTS = 16
"""Places at which each text is cut, spread over it; and as many more, at line ends and behind blanks."""
PIECE_CHARS = 7

TEXTS: dict[Kind, dict[str, str]] = {
    "prose": {
        "en": """A standby learns every line of the lead and hopes never to speak one. Night after night the house \
fills, the lights fall, and nothing happens to her.

Then one evening a voice breaks in the second act. She steps from the wings, finds the sentence where it stopped, and \
goes on. "Was that the lead?" asks a child in the third row. The audience hears the story and no change.""",
        "de": """Der Leuchtturm steht seit hundert Jahren auf dem Riff. Wer ihn bei Nebel sucht, hört ihn zuerst: ein \
tiefer Ton, dann neun Sekunden Stille, dann wieder der Ton.

Im Winter kommt kein Boot. „Man gewöhnt sich“, sagt der Wärter und schreibt die Windstärke ins Buch. Früher schrieb \
er auch die Namen der Schiffe auf; heute fährt hier keines mehr vorbei, und die Seiten bleiben leer.""",
        "es": """El mercado abre antes del amanecer. Los pescadores descargan cajas de sardinas, las vendedoras \
discuten el precio del hielo y un gato espera debajo de la mesa.

¿Quién compra tan temprano? Los cocineros, dice Inés, y también los que no han dormido. A las nueve ya no queda nada: \
solo agua en el suelo, escamas que brillan y una radio que nadie apaga.""",
        "zh": """山脚下有一家小书店，门口挂着一盏旧灯。老板每天早上扫地、烧水，然后坐在窗边读同一本书。

有人问他为什么不换一本。他想了想，说：“我还没有读懂第一页。”后来客人少了，灯也坏了，可是书店一直开着。下雪的那天，\
一个孩子走进来，买走了那本书，老板笑着关上了门。""",
        "ru": """Поезд стоял на маленькой станции уже третий час. Проводница разносила чай, пассажиры говорили о \
погоде, а за окном медленно темнело.

— Скоро поедем? — спросил мальчик с верхней полки. Никто не знал. Потом вагон вздрогнул, фонари поплыли назад, и \
разговор оборвался сам собой, будто его и не было.""",
    },
    "code": {
        "en": '''Here is a small queue with a bound:

```python
class BoundedQueue:
    """Holds at most `size` items."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.items: list[str] = []

    def put(self, item: str) -> bool:
        if len(self.items) >= self.size:
            return False
        self.items.append(item)
        return True
```

Call `put` and look at what it returns.''',
        "de": """So liest man eine Datei zeilenweise:

```javascript
import { createInterface } from "node:readline";

async function zeilen(datei) {
  const leser = createInterface({ input: datei });
  const gefunden = [];
  for await (const zeile of leser) {
    if (zeile.trim() !== "") {
      gefunden.push(zeile); // leere Zeilen fallen weg
    }
  }
  return gefunden;
}
```

Danach steht jede Zeile in `gefunden`.""",
        "es": """El servidor más pequeño que saluda:

```go
package main

import (
\t"fmt"
\t"net/http"
)

func saludo(w http.ResponseWriter, r *http.Request) {
\tif r.URL.Path != "/" {
\t\thttp.NotFound(w, r)
\t\treturn
\t}
\tfmt.Fprintln(w, "hola, "+r.RemoteAddr)
}
```

Falta todavía `main`, que lo registra.""",
        "zh": """下面的查询统计每个月的订单：

```sql
SELECT
    date_trunc('month', created_at) AS 月份,
    count(*) AS 订单数,
    sum(amount) AS 总金额
FROM orders
WHERE status = 'paid'
  AND created_at >= '2025-01-01'
GROUP BY 1
HAVING count(*) > 10
ORDER BY 月份 DESC;
```

如果没有索引，请先为 created_at 建立索引。""",
        "ru": """Скрипт, который удаляет старые журналы:

```bash
#!/usr/bin/env bash
set -euo pipefail

папка="${1:-/var/log/app}"
дней="${2:-14}"

find "$папка" -name '*.log' -mtime "+$дней" -print0 |
  while IFS= read -r -d '' файл; do
    echo "удаляю $файл"
    rm -- "$файл"
  done
```

Сначала запустите его без `rm`.""",
    },
    "list": {
        "en": """Before you travel:

1. Check the passport.
   - It must be valid for six more months.
   - Two pages must be empty.
2. Tell the bank where you are going.
3. Pack light:
   - one coat that keeps the rain out,
   - shoes that you have worn before,
   - a book that you can leave behind.
4. Leave a key with the neighbour who likes plants.""",
        "de": """Für das Brot braucht man:

- 500 g Mehl, am besten Roggen
- 350 ml lauwarmes Wasser
- Salz und Sauerteig
  - den Sauerteig am Abend vorher füttern
  - das Salz erst nach einer Stunde zugeben

Und so geht es:

1. Alles vermengen und ruhen lassen.
2. Dreimal falten, jede halbe Stunde.
3. Bei 240 Grad backen, bis es hohl klingt.""",
        "es": """Tres razones para caminar:

* **La salud.** El corazón agradece media hora al día.
* **El tiempo.** En el centro, quien camina llega antes.
  * No busca aparcamiento.
  * No espera en los semáforos.
* **La memoria.** Las calles se aprenden con los pies:
  1. primero las plazas,
  2. después las esquinas,
  3. al final los atajos que nadie enseña.""",
        "zh": """周末的安排：

1. 星期六上午去图书馆还书。
2. 中午在河边吃面条。
3. 下午修自行车：
   - 换前轮的内胎；
   - 调整刹车；
   - 给链条上油。
4. 星期天给母亲打电话。
5. 晚上早点睡觉，第二天要开会。""",
        "ru": """Как подготовить сад к зиме:

1. Собрать последние яблоки.
2. Убрать листья с дорожек:
   - сухие — в компост;
   - больные — сжечь.
3. Укрыть розы лапником.
4. Слить воду из шлангов и бочек.
5. Проверить крышу сарая, пока не выпал снег.
6. Записать, что где посажено.""",
    },
    "table": {
        "en": """The inner planets at a glance:

| Planet | Day | Year | Moons |
|---|---|---|---|
| Mercury | 59 days | 88 days | none |
| Venus | 243 days | 225 days | none |
| Earth | 24 hours | 365 days | one |
| Mars | 25 hours | 687 days | two |

A day on Venus is longer than its year, which surprises most people.""",
        "de": """Die Öffnungszeiten der Bibliothek:

| Tag | Vormittag | Nachmittag |
|:----|:---------:|-----------:|
| Montag | geschlossen | 14 bis 18 Uhr |
| Dienstag | 9 bis 12 Uhr | 14 bis 19 Uhr |
| Mittwoch | 9 bis 12 Uhr | geschlossen |
| Samstag | 10 bis 13 Uhr | geschlossen |

An Feiertagen bleibt das ganze Haus zu.""",
        "es": """Precios del menú en euros:

| Plato | Media ración | Ración |
| --- | --- | --- |
| Croquetas de jamón | 6,50 | 11,00 |
| Pimientos de Padrón | 5,00 | 8,50 |
| Tortilla con cebolla | 4,50 | 9,00 |
| Pulpo a la gallega | 9,50 | 18,00 |

El pan y el agua del grifo no se cobran.""",
        "zh": """各城市的平均气温如下：

| 城市 | 一月 | 七月 | 备注 |
| --- | --- | --- | --- |
| 北京 | 零下三度 | 二十七度 | 冬天干燥 |
| 上海 | 五度 | 二十九度 | 夏天潮湿 |
| 昆明 | 九度 | 二十度 | 四季如春 |
| 哈尔滨 | 零下十八度 | 二十三度 | 冰雕很有名 |

数据是多年的平均值。""",
        "ru": """Расписание паромов на остров:

| Рейс | Отправление | Прибытие | Дни |
|------|-------------|----------|-----|
| утренний | 07:40 | 08:25 | ежедневно |
| дневной | 13:10 | 13:55 | по будням |
| вечерний | 18:30 | 19:15 | ежедневно |
| ночной | 23:05 | 23:50 | летом |

Билеты продаются только на причале.""",
    },
}

SURE = {
    "en": "Sure, continuing:",
    "de": "Natürlich, hier geht es weiter:",
    "es": "¡Claro! Continúo donde lo dejé:",
    "zh": "好的，继续：",
    "ru": "Конечно, продолжаю:",
}
DECLINES = {
    "en": "I'm sorry, but I don't see an earlier answer to continue.",
    "de": "Tut mir leid, ich sehe keine frühere Antwort.",
    "es": "Lo siento, no veo ninguna respuesta anterior.",
    "zh": "抱歉，我没有看到之前的回答。",
    "ru": "Извините, я не вижу предыдущего ответа.",
}


@dataclass(frozen=True)
class Cut:
    """An answer that broke off."""

    kind: Kind
    language: str
    delivered: str
    rest: str

    @property
    def lines(self) -> list[str]:
        """The delivered lines; the last one is where it broke off."""
        return self.delivered.splitlines(keepends=True)

    def last(self, passages: int) -> str:
        """The last sentences or lines that were delivered, up to the cut."""
        starts = [0, *(found.end() for found in re.finditer(r"[.!?:;]\s+|[。！？：；]|\n+", self.delivered.rstrip()))]
        return self.delivered[starts[-min(passages, len(starts))] :].lstrip("\n")

    @property
    def fence(self) -> str:
        """The line that opened the last fence."""
        return next((line for line in reversed(self.lines) if re.match(r"```\w", line)), "```\n")


def corpus() -> Iterator[Cut]:
    """Every text, cut at its places: spread over it, and besides where white space begins or ends."""
    for kind, languages in TEXTS.items():
        for language, text in languages.items():
            spread = {round(len(text) * (place + 1) / (CUTS + 1)) for place in range(CUTS)}
            edges = sorted(
                {edge for found in re.finditer(r"\s+", text) for edge in found.span() if 0 < edge < len(text)}
            )
            chosen = {edges[round(place * (len(edges) - 1) / (CUTS - 1))] for place in range(CUTS)}
            for place in sorted(spread | chosen):
                yield Cut(kind, language, text[:place], text[place:])


def _numbered_anew(cut: Cut) -> str:
    number = iter(range(1, 99))
    return re.sub(
        r"^(\s*)\d+\.", lambda found: f"{found[1]}{next(number)}.", "1. " + cut.rest.lstrip(), flags=re.MULTILINE
    )


def _other_words(cut: Cut) -> str:
    other = TEXTS["list" if cut.kind == "prose" else "prose"][cut.language]
    return "".join(reversed(re.findall(r"[^.。！？?!]+[.。！？?!]\s*", other)))


def _other_white_space(cut: Cut) -> str:
    said = cut.last(1)
    white_space = said[len(said.rstrip()) :]
    other = "" if not white_space else " " if white_space.startswith("\n") else "\n"
    return said.rstrip() + other + cut.rest


def _curly(text: str) -> str:
    return text.replace('"', "”").replace("'", "’").replace("„", '"').replace("|", "│").replace("-", "–")


WAYS: dict[str, Callable[[Cut], str]] = {
    "as it was asked: the last two sentences or lines, then on": lambda cut: cut.last(2) + cut.rest,
    "the last sentence or line again, then on": lambda cut: cut.last(1) + cut.rest,
    "the last sentence or line again, behind an empty line": lambda cut: "\n\n" + cut.last(1) + cut.rest,
    "a fence opened again, the last line, then on": lambda cut: (
        cut.fence + (cut.lines[-1] if cut.lines else "") + cut.rest
    ),
    "the whole answer again": lambda cut: cut.delivered + cut.rest,
    "the last five words again, then on": lambda cut: " ".join(cut.delivered.split(" ")[-5:]) + cut.rest,
    "the last word again, then on": lambda cut: re.split(r"\s", cut.delivered)[-1] + cut.rest,
    "on at once": lambda cut: cut.rest,
    "on at once, without the white space at the front": lambda cut: cut.rest.lstrip(),
    "on at once, behind an empty line": lambda cut: "\n\n" + cut.rest,
    "“Sure, continuing:”, then on": lambda cut: f"{SURE[cut.language]}\n\n{cut.rest}",
    "“Sure, continuing:”, the last sentence, then on": lambda cut: f"{SURE[cut.language]}\n\n{cut.last(1)}{cut.rest}",
    "a fence opened again, then on": lambda cut: cut.fence + cut.rest,
    "all of it in a fence of its own": lambda cut: f"```\n{cut.last(2)}{cut.rest}\n```",
    "the list numbered anew": _numbered_anew,
    "the last sentence as a quotation, then on": lambda cut: f"“{cut.last(1)}” {cut.rest}",
    "the last sentence, dots, then on": lambda cut: f"{cut.last(1)}... {cut.rest}",
    "the last sentence, dots and an empty line, then on": lambda cut: f"{cut.last(1)}…\n\n…{cut.rest}",
    "the last sentence, an empty line, then on": lambda cut: f"{cut.last(1)}\n\n{cut.rest}",
    "the last sentence as a block quotation, then on": lambda cut: f"> {cut.last(1)}\n\n{cut.rest}",
    "the last sentence in other typography, then on": lambda cut: _curly(cut.last(1)) + cut.rest,
    "the last sentence, other white space at the cut, then on": _other_white_space,
    "another answer from its beginning": _other_words,
    "“I see no earlier answer.”": lambda cut: DECLINES[cut.language],
    "nothing": lambda cut: "",
}
"""What models say, by what it is."""


def judged(cut: Cut, head: str) -> Verdict:
    """What the seam makes of a model that says this."""
    seam = Overlap(cut.delivered)
    events: list[ProviderEvent] = [
        TextDelta(head[place : place + PIECE_CHARS]) for place in range(0, len(head), PIECE_CHARS)
    ]
    joined = cut.delivered
    try:
        for event in (*events, Finished("stop")):
            joined += "".join(passed.text for passed in seam.feed([event]) if isinstance(passed, TextDelta))
    except Diverged:
        return "back"
    return "joined" if joined == cut.delivered + cut.rest else "harm"


@cache
def counted() -> dict[str, Counter[Verdict]]:
    """What the seam makes of every way at every cut."""
    cuts = list(corpus())
    return {name: Counter(judged(cut, way(cut)) for cut in cuts) for name, way in WAYS.items()}


def table() -> str:
    """The table of the page."""
    rows = ["| What the model says | joined | stepped back | harm |", "|---|---|---|---|"]
    for name, verdicts in counted().items():
        cells = [_share(verdicts, verdict) for verdict in ("joined", "back", "harm")]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    rows.append(f"\n{len(list(corpus()))} cuts, {len(WAYS)} ways, {sum(map(Counter.total, counted().values()))} cases.")
    return "\n".join(rows)


def _share(verdicts: Counter[Verdict], verdict: Verdict) -> str:
    return f"{100 * verdicts[verdict] / verdicts.total():.0f} %" if verdicts[verdict] else "0"


def with_table(page: str) -> str:
    """The page with its table written anew."""
    begin, end = "<!-- continuations: counted by tests/router/failover/test_continuations.py -->\n", "\n<!-- end -->"
    before, found, rest = page.partition(begin)
    assert found, "the page has no place for its table"
    return before + begin + table() + end + rest.partition(end)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
