-- Phases run one after another; a reference always points to an earlier phase or up its own lane.
select *
from
    (
        values
            (1, 'definitions'),
            (2, 'companies'),
            (3, 'contacts'),
            (4, 'memberships'),
            (5, 'conversations'),
            (6, 'links'),
            (7, 'help centre'),
            (8, 'addresses')
    ) as phases(phase, name)
