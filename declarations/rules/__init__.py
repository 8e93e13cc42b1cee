"""The controls of a declaration file: bytes in, every fault at once and the lines out.

One engine serves the dry run (`manage.py check_ebds`) and the filing, so that both give the
same verdict. Numbers of controls: e-BDS §8; of deviations: e-BDS §9.
"""

from declarations.rules.context import Expected
from declarations.rules.examination import Examination, Summary

__all__ = ["Examination", "Expected", "Summary"]
