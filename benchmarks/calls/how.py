"""How calls are counted: the text below the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calls.changes import ONE_OF
from benchmarks.calls.tenant import DAYS
from benchmarks.calls.waiting import PACE

if TYPE_CHECKING:
    from benchmarks.calls.findings import Findings

_TEXT = """\
### How calls are counted

- The tenants are those of `planhat-sandbox serve --companies N --days {days}`. Calls are those in the log of the
  sandbox, never what a program says about itself, and without those of discovery.
- "Fewest" is what carries all rows with the largest pages that are documented (B26). Where no largest page is known
  (deals, line items, products), it is the page that this project asks for. A list without rows takes one call, a
  list with two passes takes the calls of both, lean companies take one. Metric points take pages of 100,000, for
  all days that are read: after a first run these are the last 30 days and today.
- The first, second and third run read models FULL_TABLE and metric points by day, each with the STATE of the run
  before of its kind. In INCREMENTAL runs every model that offers it is INCREMENTAL.
- "Proofs" is one call for each pass with rows and pages: a first read has to see that nothing comes after the last
  row.
- INCREMENTAL: the fewest calls are those that bring what changed and prove that nothing else did. Of a list with a
  field for the last change, that is the pages with changed rows, at least one, and a look at the other end that
  shows that the list is sorted by this field and brings the rows without it; or the whole list where that is not
  more. It is the whole list too where one call cannot bring all rows without this field, because it is not known
  whether equal rows keep their places (Q22): that is so for conversations, tasks and opportunities of large tenants.
  Of any other list it is all of it.
- All streams are those that discovery selects. That leaves out `notes`, which are the list of conversations once
  more.
- Before the third runs, one row of {one_of} of each list is changed over the API, where the API can change it, and
  metric points of one company of {one_of}.
- Every run is checked. The records of a full read have exactly the ids that the tenant holds, those of a read of
  changes have the ids of all changed rows, and the target sends exactly the rows that differ.
- The quota is lifted on both sides, except for wall time. Rows a second are those of the whole process with its
  start.
- Airbyte's streams are those of its published source for Planhat, with its page sizes, paginator and parameters,
  run by its declarative CDK. CRUDs reads the same lists with the pages it takes by itself, its pause switched off.
  It has no workflows. Neither makes a pass for hidden rows. If they miss other rows of churn, then because they
  take a page below 2,000 rows for the last one: the sandbox cuts pages at 1,000, and it is not known which number is
  right (B26).
- In: the target gets all companies, endusers and assets with the columns that a warehouse would send, by `_id`. The
  fewest calls look at the three lists once, and send the rows that differ, 5,000 a call. The definitions of custom
  fields, which the target reads too, are not among them.
- Wall time: each call waits {latency} ms, tap and sandbox keep to {quota} calls a minute, and the tap makes
  {at_once} calls at once. Each run has a fresh sandbox, so that the minute before is empty. The round of the median
  is shown. Start-up is the same command with lean companies as the only stream, less the time of its calls. The
  seconds that calls need: first those for the definitions of custom fields, one after the other, because no schema
  can be made without them; then each starts as soon as one of the {at_once} places is free and the quota allows it.

```sh
make bench-calls    # all of it: {minutes} minutes on the machine above
make bench-calls ARGS="--tenants 50,500 --only out,wall --page output/benchmarks.md"
make bench-calls ARGS="--help"
```
"""


def text(findings: Findings) -> str:
    """The text in Markdown."""
    return _TEXT.format(
        days=DAYS,
        one_of=ONE_OF,
        latency=round(findings.latency * 1000),
        quota=PACE.quota,
        at_once=PACE.at_once,
        minutes=max(1, round(findings.minutes)),
    )
