-- static: auction
-- Two aggregations in a row, and auctions are a static table.
SELECT category, avg(final) AS avg
FROM (
  SELECT a.id, a.category, max(b.price) AS final
  FROM bid b JOIN auction a ON b.auction = a.id
  WHERE b.date_time BETWEEN a.date_time AND a.expires
  GROUP BY a.id, a.category
) q
GROUP BY category
