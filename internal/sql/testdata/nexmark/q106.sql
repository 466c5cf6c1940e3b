-- static: auction
SELECT min(final) AS min_final FROM (
  SELECT a.id, max(b.price) AS final
  FROM bid b JOIN auction a ON b.auction = a.id
  WHERE b.date_time BETWEEN a.date_time AND a.expires
  GROUP BY a.id
) q
