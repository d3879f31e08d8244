select * from {{ ref("conservation") }} where source_bytes != loaded_bytes + excluded_bytes or remainder != 0
