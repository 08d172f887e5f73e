"""That the rules can still be broken one by one, which ``make mutations`` does."""

import pytest

from tests.mutations import MUTATIONS, ROOT


@pytest.mark.parametrize("module", sorted({mutation.module for mutation in MUTATIONS}))
def test_every_mutation_of_a_module_fits_its_source(module):
    source = (ROOT / module).read_text()
    for mutation in MUTATIONS:
        if mutation.module == module:
            assert mutation.apply(source) != source
