"""The parts of a long paper bound into one, tags included. Run by the press: this module holds no setting.

Each part is a PDF of ours, drawn by itself: what the drawing takes does not grow with the length of the paper. Its
tags are held together here, some 12 kB a person, under the limit that the press has in any case.
"""

import io
from collections.abc import Sequence

import pikepdf


def bind(parts: Sequence[bytes]) -> bytes:
    """Return one PDF of all the pages in order; the first part gives its information, its variant and its language.

    The tags of each later part become a section of the whole, and its pages keep the places of their marked
    content. The same parts give the same bytes. A later part has no annotation.
    """
    with pikepdf.open(io.BytesIO(parts[0])) as whole:
        tree = whole.Root.StructTreeRoot
        key = max(int(number) for number in tree.ParentTree.Nums[::2]) + 1
        for part in parts[1:]:
            with pikepdf.open(io.BytesIO(part)) as added:
                key = _append(whole, added, key)
        bound = io.BytesIO()
        whole.save(
            bound,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            compress_streams=True,
        )
        return bound.getvalue()


def _append(whole: pikepdf.Pdf, added: pikepdf.Pdf, key: int) -> int:
    """Append the pages of ``added``; ``key`` is the first free place in the parent tree, the next one is returned."""
    root = whole.Root.StructTreeRoot
    first = len(whole.pages)
    whole.pages.extend(added.pages)
    document = added.Root.StructTreeRoot.K[0]
    # Its parent is the tree of the part, which stays behind.
    del document["/P"]
    # Copied after the pages: what points to a page then finds its copy.
    places = whole.copy_foreign(added.make_indirect(added.Root.StructTreeRoot.ParentTree.Nums))
    section = whole.copy_foreign(document)
    section["/S"] = pikepdf.Name.Sect
    section["/P"] = root.K[0]
    root.K[0].K.append(section)
    for rank, page in enumerate(whole.pages[first:]):
        page.obj["/StructParents"] = key + rank
        root.ParentTree.Nums.append(key + rank)
        root.ParentTree.Nums.append(places[2 * rank + 1])
    return key + len(whole.pages) - first
