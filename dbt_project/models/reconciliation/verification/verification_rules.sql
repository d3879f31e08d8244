-- Why a field may come back otherwise than it was sent, without anything being wrong.
select *
from
    (
        values
            (
                'cleaned_html',
                'Intercom passes texts through a list of allowed elements and tidies blanks: the words are the same.'
            ),
            (
                'order_within_a_second',
                'Parts of the same second stand in another order; Intercom keeps whole seconds.'
            ),
            (
                'order_of_sending',
                'Intercom shows the parts in the order in which they were sent; what was added later came later.'
            ),
            (
                'order_of_times',
                'Intercom shows the parts by their times, the plan has them as they stand in the ticket.'
            ),
            (
                'beyond_the_newest_parts',
                'Intercom shows the 500 newest parts of a conversation only; it counts at least so many more.'
            ),
            ('snooze_is_over', 'The time until which the conversation slept has passed, so it is open.'),
            ('number_written_otherwise', 'The same number in other digits, such as 3 and 3.0.'),
            ('time_written_otherwise', 'The same second, written as a date instead of seconds since 1970.'),
            ('tag_in_another_case', 'Names of tags are one in any case; the workspace had it in another.'),
            (
                'attribute_name_in_another_case',
                'The workspace had the attribute already, with other capital letters.'
            ),
            (
                'attribute_of_the_workspace',
                'An attribute that the plan does not know: of Intercom itself, or of the workspace.'
            ),
            (
                'adopted_keeps_its_own',
                'It existed before the load and was adopted: what is not ours stays as it was.'
            ),
            (
                'address_in_another_case',
                'The same address in other letters; Intercom does not tell them apart.'
            ),
            ('phone_written_otherwise', 'The same digits with other signs between them.'),
            (
                'company_without_people_is_hidden',
                'Intercom shows a company only when somebody belongs to it, and nobody does.'
            ),
            (
                'datetime_is_listed_as_date',
                'Attributes of people and companies for date and time are listed as date.'
            ),
            (
                'list_is_listed_as_its_values',
                'Attributes of people and companies with a list of options are listed as string.'
            ),
            (
                'file_name_cleaned',
                'Signs in the name of the file were replaced; letters and digits are the same.'
            ),
            ('file_size_not_told', 'Intercom says nothing of the size of this file.'),
            ('content_type_written_otherwise', 'The same type of file, with parameters or in other letters.'),
            (
                'file_not_fetched',
                'The address that Intercom gave did not answer with the file, so its bytes could not be compared.'
            ),
            (
                'planned_no_longer',
                'An earlier load sent it, and the plan names it no longer: reconciliation.to_do_by_hand and plan'
                || ' list what a person has to take back.'
            ),
            ('not_selected', 'Only a selection was loaded, and this was not part of it.')
    ) as rules(rule, sentence)
