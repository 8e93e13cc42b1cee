"""A bank file from its bytes to its last verdict: receive, read, match, settle, answer.

The row of the file is the job: it may be taken up again at any line. Bytes are kept before any parsing; a fault of the
whole file moves nothing; the lines of an accepted file are written and settled together, a chunk a transaction.
"""

from payments.workflows.bank_files.importing import due_files, import_file
from payments.workflows.bank_files.receiving import Received, receive

__all__ = ["Received", "due_files", "import_file", "receive"]
