-- static: auction
-- The scalar sub-select as one group over the groups, whose rows it keeps in an array.
WITH counts AS (
  SELECT a.id AS auction_id, a.item_name AS auction_item_name, count(*) AS bid_count
  FROM bid b JOIN auction a ON b.auction = a.id
  GROUP BY a.id, a.item_name),
all_counts AS (
  SELECT array_agg(named_struct('id', auction_id, 'name', auction_item_name, 'n', bid_count)) AS auctions, sum(bid_count) / count(*) AS least
  FROM counts)
SELECT r.id AS auction_id, r.name AS auction_item_name, r.n AS bid_count
FROM all_counts c CROSS JOIN UNNEST(c.auctions) AS r
WHERE r.n >= c.least
