-- refused: row_number
SELECT id, price FROM (
  SELECT auction AS id, price, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, date_time) AS rownum FROM bid
) q WHERE rownum <= 1
