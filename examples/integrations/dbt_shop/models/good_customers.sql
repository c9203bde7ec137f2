select customer from {{ ref('customers') }} where total >= 20
