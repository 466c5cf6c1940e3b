-- refused: OVER
SELECT seller, avg(price) OVER (PARTITION BY seller ORDER BY date_time ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS avg
FROM (SELECT a.seller, b.price, b.date_time FROM bid b JOIN auction a ON b.auction = a.id) q
