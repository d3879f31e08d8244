-- Values of OTRS's XML store that are neither of a report nor of a configuration item, as they stand:
-- what add-ons keep there.
select xml_type, xml_key, value_path, value
from {{ ref("stg_otrs__xml_values") }}
where
    xml_type != 'Stats'
    and not starts_with(xml_type, 'ITSM::ConfigItem::')
    and not ends_with(value_path, '{''TagKey''}')
